import { expect, test } from 'vitest';
import { fieldFormats } from './fields.ts';
import { checkFormat } from './names.ts';

const long = (length: number) => 'a'.repeat(length);

const good = {
  name: ['a', 'shop-2', '9', long(63), 'a--b'],
  host_name: [
    'hello.localhost',
    'localhost',
    'www.example.org',
    'xn--bcher-kva.example',
    `${long(63)}.example`,
    '1.example',
  ],
  address: [
    'web1',
    'web1.example.org',
    '10.0.0.1',
    '255.255.255.255',
    '::1',
    '2001:db8::1',
    'fe80::1%eth0',
    '::ffff:1.2.3.4',
  ],
  git_url: [
    'https://example.org/a.git',
    'https://user@bitbucket.example/a/b.git',
    'http://127.0.0.1:3000/a',
    'ssh://git@example.org:2222/a/b.git',
    'ssh://git@[2001:db8::1]:22/a',
    'git://example.org/a',
    'file:///srv/git/a.git',
    'git@example.org:a/b.git',
    'git@10.0.0.1:~/a.git',
    'git@[::1]:a.git',
  ],
  git_ref: ['main', 'HEAD', 'feature/a-b', 'v1.0.2', 'refs/tags/v1', '0'.repeat(40), 'a@b', 'ü'],
  git_hash: ['0123456789abcdef0123456789abcdef01234567', 'a'.repeat(64)],
  redirect: ['/old /new', '/a/b https://example.org/c?d=e 302', '  /x   /y  308 ', '/a%20b /'],
  absolute_path: ['/', '/var/lib/aegir', '/a b', '/a..b/...'],
  text: ['', 'a\nb\tc', '{{ lookup("pipe", "id") }}'],
};

const bad = {
  name: ['', '-a', 'a-', 'A', 'a_b', 'a.b', long(64), 'a b', 'a\n', '../a', '$(id)', '{{ a }}', '--help', 'é'],
  host_name: [
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    '-a.example',
    'a-.example',
    'A.example',
    'a_b.example',
    'bücher.example',
    '10.0.0.1',
    '1.2.3',
    '::1',
    '*.example.org',
    'a b',
    'a\n',
    'a;b',
    'http://a.example',
    'a.example:80',
    'a.example/x',
    `${long(64)}.example`,
    `${'a.'.repeat(127)}toolong`,
    '{{ lookup("pipe","id") }}',
    '$(id)',
    'a{}',
    'a\0',
    '--option',
  ],
  address: [
    '',
    '256.0.0.1',
    '1.2.3',
    '01.2.3.4',
    ':::',
    '::1%',
    '::1%;id',
    '12345::',
    'a:22',
    '-oProxyCommand=id',
    'root@a',
    '[::1]',
  ],
  git_url: [
    '',
    '-u',
    '--upload-pack=id',
    'ext::sh -c id',
    'ext::sh',
    'fd::17',
    'EXT::sh',
    'transport::address',
    '/srv/git/a',
    './a',
    '../a',
    'file://host/a',
    'file://../a',
    'file:///a/../b',
    'HTTPS://example.org/a',
    'ftp://example.org/a',
    'javascript://a/b',
    'https://example.org',
    'https://example.org/',
    'https:///a',
    'https://user:secret@example.org/a',
    'https://:x@example.org/a',
    'https://ghp_abcdef@example.org/a',
    'https://user%3Asecret@example.org/a',
    'ssh://-oProxyCommand=id/a',
    'ssh://-u@host/a',
    'ssh://a@-host/a',
    'ssh://host/-a',
    'git@-host:a',
    '-a@host:a',
    'git@host:-a',
    'git@host:',
    'host:a',
    'git@host',
    'a b',
    'https://example.org/a b',
    'https://example.org/a\nb',
    'https://example.org/%0ahost=b',
    'https://example.org/a\0',
    'a\\b',
    'ssh://host:port/a',
    'ssh://host:123456/a',
    'git@ext::sh',
    'https://example.org/\u2028',
    `https://example.org/${long(2048)}`,
  ],
  git_ref: [
    '',
    '-b',
    '--upload-pack=id',
    'a..b',
    '.a',
    'a/.b',
    'a.lock',
    'a.lock/b',
    'a b',
    'a~1',
    'a^',
    'a:b',
    'a?',
    'a*',
    'a[b',
    'a\\b',
    'a@{1}',
    '@',
    '/a',
    'a/',
    'a//b',
    'a.',
    'a\nb',
    'a\x7f',
    long(256),
  ],
  git_hash: ['', 'main', 'a'.repeat(39), 'a'.repeat(41), 'A'.repeat(40), 'g'.repeat(40), `${'a'.repeat(40)}\n`],
  redirect: [
    '',
    '/old',
    'old /new',
    '/old new',
    '/old javascript:alert(1)',
    '/old /new 200',
    '/old /new 301 more',
    '/o;ld /new',
    '/old /n"ew',
    '/old /new\n/other /x',
    '/old https://',
    '/a?b /c',
    '/old $x',
  ],
  absolute_path: [
    '',
    'a',
    './a',
    '../a',
    '~/a',
    '/a/../b',
    '/..',
    '/a\nb',
    '/a\0',
    '/a\x1b[0m',
    `/${long(4095)}`,
    '-a',
  ],
  text: ['a\0b', '\0'],
};

for (const format of fieldFormats) {
  test(`${format} accepts what is right`, () => {
    for (const value of good[format]) expect.soft(checkFormat(format, value), JSON.stringify(value)).toBeNull();
  });

  test(`${format} refuses what is wrong, in a sentence`, () => {
    for (const value of bad[format]) {
      const problem = checkFormat(format, value);
      expect.soft(problem, JSON.stringify(value).slice(0, 100)).toMatch(/^[a-z].*\.$/);
      expect.soft(problem, 'a message must not carry control characters').not.toMatch(/\p{Cc}/u);
    }
  });
}

test('a password in a git address asks for a deploy key and is not repeated', () => {
  const problem = checkFormat('git_url', 'https://user:hunter2@example.org/a');
  expect(problem).toContain('deploy key');
  expect(problem).not.toContain('hunter2');
});

test('a host name beyond ASCII is answered with its punycode', () => {
  expect(checkFormat('host_name', 'bücher.example')).toContain('xn--bcher-kva.example');
});
