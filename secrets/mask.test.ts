import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { encodings } from '../test/encodings.ts';
import { createMask, maskValue } from './mask.ts';

const secrets = [
  'hunter22',
  'Tr0ub4dor&3-in-clear',
  `a"b'c\\d/e<f>g&h i+j%k$l`,
  '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
  '\\\\"\\"\\\'"',
  'https://user:p%40ss/w:o#1@host/?a=b&c=d',
  'pässwörd-ünd-mehr',
  'schlüssel🔑geheim',
  '123456789012',
  'tab\tand more',
  '%41%42%43&amp;&lt;',
  `''''"""" \\\\\\\\ end`,
];

describe('masking', () => {
  test.each(Object.keys(encodings))('hides a secret in: %s', name => {
    for (const secret of secrets) {
      const shown = (encodings[name] ?? String)(secret);
      const mask = createMask([secret, 'another-secret']);
      expect.soft(mask(`it is [${shown}], yes`), secret).toBe('it is [********], yes');
      expect.soft(mask(shown), secret).toBe('********');
    }
  });

  test('hides a secret in base64 wherever it stands in what was encoded', () => {
    for (const secret of secrets) {
      const mask = createMask([secret]);
      for (const before of ['', 'u', 'us', 'user:', 'admin:', '{"password":"']) {
        for (const after of ['', '\n', '"}', ' etc.']) {
          for (const alphabet of ['base64', 'base64url'] as const) {
            const encoded = Buffer.from(before + secret + after).toString(alphabet);
            const masked = mask(`Authorization: Basic ${encoded}`);
            expect(masked).toMatch(/^Authorization: Basic [A-Za-z0-9+/_-]{0,18}\*{8}[A-Za-z0-9+/=_-]{0,14}$/);
            // What is left holds no byte of it.
            const [head = ''] = masked.slice('Authorization: Basic '.length).split('*');
            expect(Buffer.byteLength(before) * 8).toBeGreaterThanOrEqual(head.length * 6 - 5);
          }
        }
      }
    }
  });

  test('hides what bash and Python make of it', () => {
    const environment = { PATH: process.env.PATH, LC_ALL: 'C' };
    const run = (argv: string[]) =>
      execFileSync(argv[0] ?? '', [...argv.slice(1), ...secrets], { env: environment, encoding: 'latin1' }).trimEnd();
    const python = `import html, json, shlex, sys, urllib.parse as u
ways = [repr, ascii, json.dumps, shlex.quote, html.escape, u.quote, u.quote_plus, lambda s: json.dumps(json.dumps(s))]
for secret in [argument.encode('utf8', 'surrogateescape').decode() for argument in sys.argv[1:]]:
    print(json.dumps([way(secret) for way in ways]))`;
    const byBash = run(['bash', '-c', 'printf "%q\\n" "$@"', 'bash']).split('\n');
    const byPython = run(['python3', '-c', python]).split('\n');
    expect([byBash.length, byPython.length]).toEqual([secrets.length, secrets.length]);
    for (const [at, secret] of secrets.entries()) {
      const mask = createMask([secret]);
      for (const shown of [byBash[at] ?? '', ...(JSON.parse(byPython[at] ?? '[]') as string[])]) {
        expect.soft(mask(shown).replace(/^\$?['"\\]*|['"\\]*$/g, ''), shown).toBe('********');
      }
    }
  });

  test('hides a key of many lines: whole, line by line, in JSON, and in base64 that is wrapped anywhere', () => {
    const body = Array.from({ length: 20 }, (_, at) =>
      Buffer.from(`line ${at} of a key that is long enough`).toString('hex'),
    );
    const key = ['-----BEGIN KEY-----', ...body, 'abc=', '-----END KEY-----', ''].join('\n');
    const mask = createMask([key]);
    for (const line of body) expect(mask(`> ${line}`)).toBe('> ********');
    expect(mask(JSON.stringify({ key })).replaceAll('********', '')).toBe(`{"key":"${'\\n'.repeat(22)}"}`);
    expect(mask(key).replace(/[*\n]/g, '')).toBe('');
    for (const width of [40, 64, 76]) {
      const encoded = Buffer.from(`x: ${key}`).toString('base64');
      for (let from = 8; from + width < encoded.length; from += width) {
        expect(mask(encoded.slice(from, from + width)).replaceAll('*', '').length).toBeLessThan(4);
      }
    }
  });

  test('leaves every newline, and looks at the ends of each line', () => {
    const mask = createMask(['first line here\nabc\nthird line here', 'Zx81-Commodore64']);
    const text = 'x first line here\nabc\nthird line here y\nand Zx81-Commo\ndore64-no\n\nend';
    expect(mask(text)).toBe('x ********\n********\n******** y\nand ********\ndore64-no\n\nend');
  });

  test('looks also where a mark says that something was cut', () => {
    const mask = createMask(['correct horse battery staple']);
    expect(mask('ended with code 4: …horse battery staple')).toBe('ended with code 4: …********');
    expect(mask('the word correct horse… and more')).toBe('the word ********… and more');
  });

  test('hides most of a secret that was cut in two, whatever cut it', () => {
    const secret = 'Zx81-Commodore64-Atari';
    const mask = createMask([secret]);
    for (let cut = 1; cut < secret.length; cut += 1) {
      const [head, tail] = [secret.slice(0, cut), secret.slice(cut)];
      const shown = mask(`it ends with ${head}`) + mask(`${tail} begins it`);
      expect(shown).toContain('********');
      expect(shown).not.toContain(head.length > tail.length ? head : tail);
    }
  });

  test('hides nothing else', () => {
    const mask = createMask([...secrets, 'ab', '']);
    for (const text of [
      'a tab about',
      '',
      'hunter',
      'hunter2',
      'it hunts hunter 22',

      '\\\\"',
      '%41%42',
      "'''' '",
    ]) {
      expect(mask(text)).toBe(text);
    }
  });

  test('takes no longer for texts that are made to be slow', () => {
    const secret = `${'\\"'.repeat(30)}${"'".repeat(20)}${'&<'.repeat(20)}x9Y`;
    const mask = createMask([secret, `${"'&".repeat(30)}end`]);
    const texts = ['\\', '"', "'", '\\"', '&amp;', "'\\''", '\\\\\\"', '&lt;', '%25'].map(part => part.repeat(3000));
    for (const text of texts) expect(mask(`${text}x9Y`)).toBe(`${text}x9Y`);
  }, 20_000);

  test('goes through every text, name and number of a value', () => {
    const mask = createMask(['hunter22', '20261121']);
    const value = { a: ['hunter22', { b: 'x hunter22' }], n: 1, hunter22: true, code: 20261121, none: null };
    expect(maskValue(mask, value)).toEqual({
      a: ['********', { b: 'x ********' }],
      n: 1,
      '********': true,
      code: '********',
      none: null,
    });
  });
});
