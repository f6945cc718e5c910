// The module that writes files of a service's configuration, run as Ansible runs it; a script stands for the service.

import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { python } from '../test-run.ts';

// Processes are started; a busy machine takes its time.
vi.setConfig({ testTimeout: 30_000 });

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegir-config-'));
  file = join(folder, 'shop.conf');
  await writeFile(join(folder, 'service'), serviceScript, { mode: 0o755 });
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** `test` refuses files in which "bad" stands; `reload` says what it has read, and refuses "late". */
const serviceScript = `#!/bin/sh
cd "$(dirname "$0")"
case $1 in
  test) touch test.log; if grep -s bad *.conf; then echo "[emerg] bad is unknown"; exit 1; fi
    if broken=$(grep -ls broken *.pem); then echo "[emerg] cannot load $PWD/$broken: (no start)"; exit 1; fi;;
  reload) cat *.conf >running 2>/dev/null; if grep -s late *.conf; then echo "too late"; exit 1; fi;;
esac
exit 0
`;

interface Answer {
  changed?: boolean;
  failed?: boolean;
  msg?: string;
  diff?: { before: string; after: string };
}

async function configure(options: Record<string, unknown>): Promise<Answer> {
  const service = join(folder, 'service');
  const given = { file, test: [service, 'test'], reload: [service, 'reload'], ...options };
  const { stdout } = await execa(
    python,
    [
      '-B',
      join(import.meta.dirname, 'library', 'aegir_config_file.py'),
      JSON.stringify({ ANSIBLE_MODULE_ARGS: given }),
    ],
    { reject: false },
  );
  return JSON.parse(stdout) as Answer;
}

const running = () => readFile(join(folder, 'running'), 'utf8').catch(() => null);
/** What is there beside the test's own. */
const left = async () => (await readdir(folder)).filter(name => !['service', 'running', '.lock'].includes(name)).sort();

test('a file is written with its mode and takes effect; the same again changes nothing', async () => {
  expect(await configure({ content: 'one\n\n', mode: '0640' })).toMatchObject({
    changed: true,
    diff: { before: '', after: 'one\n' },
  });
  expect(await running()).toBe('one\n');
  expect((await stat(file)).mode & 0o777).toBe(0o640);
  await rm(join(folder, 'running'));
  expect(await configure({ content: 'one', mode: '0640' })).toMatchObject({ changed: false });
  expect(await running()).toBe(null);
});

test('another mode alone is put right without a reload', async () => {
  await configure({ content: 'one' });
  await rm(join(folder, 'running'));
  await chmod(file, 0o666);
  expect(await configure({ content: 'one' })).toMatchObject({ changed: true });
  expect((await stat(file)).mode & 0o777).toBe(0o644);
  expect(await running()).toBe(null);
});

test('what the test refuses leaves the former file with its mode, or none, and no log of it', async () => {
  const fresh = await configure({ content: 'bad', logs: [join(folder, 'test.log')] });
  expect(fresh.msg).toMatch(/^service refuses the configuration: \[emerg\] bad is unknown \(The file was taken away/);
  expect(await left()).toEqual([]);
  await configure({ content: 'one', mode: '0600' });
  const again = await configure({ content: 'bad' });
  expect(again.msg).toContain('The former file is back');
  expect(await readFile(file, 'utf8')).toBe('one\n');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await left()).toEqual(['shop.conf', 'test.log']);
});

test('a test that fails because of somebody else’s file names that file and whose it is', async () => {
  await writeFile(join(folder, 'blog.conf'), `certificate "${join(folder, 'blog.pem')}"\n`);
  await writeFile(join(folder, 'blog.pem'), 'broken\n');
  const { msg } = await configure({ content: 'one' });
  expect(msg).toContain(`not because of this change, which was taken back, but of ${join(folder, 'blog.pem')} (of the`);
  expect(msg).toContain('(of the Environment blog): put that right first');
  expect(await left()).toEqual(['blog.conf', 'blog.pem', 'test.log']);
  // Its own is to blame as well.
  expect((await configure({ content: 'bad' })).msg).toContain('bad is unknown');
});

test('the text may come from another file of the Server, and is shown nowhere', async () => {
  const source = join(folder, 'new.pem');
  expect((await configure({ source })).msg).toContain('is not there');
  await writeFile(source, 'the key\n');
  const { diff, ...rest } = await configure({ source, mode: '0600' });
  expect(rest).toMatchObject({ changed: true });
  expect(JSON.stringify([diff, rest])).not.toContain('the key');
  expect(await readFile(file, 'utf8')).toBe('the key\n');
  expect(await configure({ source, mode: '0600' })).toMatchObject({ changed: false });
});

test('a reload that fails brings the former file back into the service', async () => {
  await configure({ content: 'one' });
  expect((await configure({ content: 'late' })).msg).toContain('could not be reloaded, and the former');
  expect(await readFile(file, 'utf8')).toBe('one\n');
  expect(await running()).toBe('one\n');
});

test('a removed file is gone from the service, and removing it again is harmless', async () => {
  await configure({ content: 'one' });
  expect(await configure({ state: 'absent' })).toMatchObject({ changed: true });
  expect(await running()).toBe('');
  expect(await configure({ state: 'absent' })).toMatchObject({ changed: false });
  expect(await left()).toEqual(['test.log']);
});

test('what a killed run left is undone by the next one in the folder, which then tells the service', async () => {
  await configure({ content: 'one' });
  await writeFile(join(folder, '.other.conf.aegir-fresh'), '');
  await writeFile(join(folder, 'other.conf'), 'bad');
  await writeFile(join(folder, '.third.conf.aegir-former'), 'third\n');
  await writeFile(join(folder, 'third.conf'), 'bad');
  await writeFile(join(folder, '.fourth.conf.aegir-next'), 'half');
  expect(await configure({ content: 'one' })).toMatchObject({ changed: false });
  expect(await running()).toBe('one\nthird\n');
  expect(await left()).toEqual(['shop.conf', 'test.log', 'third.conf']);
});

test('a name belongs to one file of the folder', async () => {
  await configure({ content: 'one', names: ['a.test', 'b.test'] });
  const other = await configure({ file: join(folder, 'two.conf'), content: 'two', names: ['c.test', 'b.test'] });
  expect(other.msg).toContain('another site has the name b.test (of the Environment shop)');
  expect(await left()).toEqual(['shop.conf', 'test.log']);
});

test('a dry run says what would change and touches nothing', async () => {
  expect(await configure({ content: 'one', _ansible_check_mode: true })).toMatchObject({ changed: true });
  expect(await readdir(folder)).toEqual(['service']);
});

test('a missing program and a missing folder are named', async () => {
  expect((await configure({ content: 'one', test: ['/no/such'] })).msg).toContain('/no/such is not installed');
  expect((await configure({ file: '/no/such/file', content: 'one' })).msg).toContain(
    'The folder /no/such is not there',
  );
});

test('without a test and a reload it is a file under a lock', async () => {
  const lock = join(folder, 'elsewhere');
  await configure({ content: 'one', test: [], reload: [], lock });
  expect(await left()).toEqual(['elsewhere', 'shop.conf']);
});
