// The two Task types that ask a repository from the worker, run as programs as the backend `shell` does.

import { chmodSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commitFiles, type GitServer, startGitServer } from './git-server.ts';
import { project } from './play-role.ts';

let folder: string;
let server: GitServer;
let first: string;
let second: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegir-git-'));
  first = await commitFiles(join(folder, 'site'), { 'index.html': 'one' });
  const git = (...args: string[]) =>
    execa('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.org', ...args], { cwd: join(folder, 'site') });
  await git('tag', '--annotate', '--message=First', 'v1');
  second = await commitFiles(join(folder, 'site'), { 'index.html': 'two' });
  await git('branch', 'feature/menu');
  server = await startGitServer(folder);
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function runProgram(role: string, values: Record<string, unknown>) {
  const outputs = join(await mkdtemp(join(folder, 'run-')), 'outputs.json');
  const result = await execa(join(project, 'roles', role, 'shell/run'), [], {
    input: JSON.stringify({ arguments: values, aegir: {} }),
    env: { AEGIR_OUTPUTS: outputs, HOME: folder },
    reject: false,
    all: true,
  });
  const written = await readFile(outputs, 'utf8').catch(() => '{}');
  return { code: result.exitCode, text: result.all, outputs: JSON.parse(written) as Record<string, unknown> };
}

const resolveRef = (git_ref: string, more: Record<string, unknown> = {}) =>
  runProgram('resolve_release', { repository: `${server.url}/site`, git_ref, ...more });

test('a branch, an annotated tag and a full hash give the commit', async () => {
  expect((await resolveRef('main')).outputs).toEqual({ hash: second, found: second });
  expect((await resolveRef('feature/menu')).outputs).toEqual({ hash: second, found: second });
  expect((await resolveRef('v1')).outputs).toEqual({ hash: first, found: first });
  expect((await resolveRef(first)).outputs).toEqual({ hash: first, found: first });
});

test('a commit that is known stays the one, and becomes nobody’s', async () => {
  expect((await resolveRef('main', { known_hash: first })).outputs).toEqual({ hash: first });
});

test('an unknown branch fails and names those that there are', async () => {
  const { code, text, outputs } = await resolveRef('mian');
  expect(code).toBe(1);
  expect(text).toContain('no branch or tag “mian”. There are: feature/menu, main, v1.');
  expect(outputs).toEqual({});
});

test('a repository that asks for a password fails at once and says what to do', async () => {
  const { code, text } = await runProgram('verify_project', { repository: `${server.url}/private/site` });
  expect(code).toBe(1);
  expect(text.split('\n').at(-1)).toMatch(/^The repository asks for a password or key.*deploy key/);
});

test('a host that is not there and an address without a repository are told apart', async () => {
  const closed = createServer().listen(0, '127.0.0.1');
  await new Promise(resolve => closed.once('listening', resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise(resolve => closed.close(resolve));
  const unreachable = await runProgram('verify_project', { repository: `http://127.0.0.1:${port}/site` });
  expect(unreachable.text).toContain('cannot be reached from the worker');
  const nothing = await runProgram('verify_project', { repository: `${server.url}/nothing` });
  expect(nothing.text).toContain('There is no repository at this address');
  const unknown = await runProgram('verify_project', { repository: 'http://no-such-host.invalid/site' });
  expect(unknown.text).toContain('The host of the repository is not known');
});

test('the branches come first, then the tags', async () => {
  const { outputs } = await runProgram('verify_project', { repository: `${server.url}/site` });
  expect(outputs).toEqual({ refs: ['feature/menu', 'main', 'v1'] });
});

test.each([
  '--upload-pack=touch pwned',
  'ext::sh -c touch% pwned',
  '$(touch pwned)',
  '; touch pwned',
  "{{ lookup('pipe','touch pwned') }}",
  'http://127.0.0.1/a\ntouch pwned',
])('the address %j is never a command or an option', async repository => {
  const { code } = await runProgram('verify_project', { repository });
  expect(code).toBe(1);
  await expect(readFile(join('/', 'pwned'))).rejects.toThrow();
  await expect(readFile(join(folder, 'pwned'))).rejects.toThrow();
});

test('the deploy key is used from memory, and no file of it stays', async () => {
  // ssh itself is replaced: that a key which it is given opens a repository is git's own business.
  const bin = await mkdtemp(join(folder, 'bin-'));
  await commitFiles(bin, {
    ssh: '#!/bin/sh\nwhile [ "$1" != -i ]; do shift; done\ncat "$2" >&2\nls -lL "$2" >&2\nexit 1\n',
  });
  chmodSync(join(bin, 'ssh'), 0o755);
  const result = await execa(join(project, 'roles/verify_project/shell/run'), [], {
    input: JSON.stringify({ arguments: { repository: 'ssh://git@127.0.0.1/site', deploy_key: 'KEY-TEXT' } }),
    env: { AEGIR_OUTPUTS: join(bin, 'outputs.json'), PATH: `${bin}:${process.env.PATH}` },
    reject: false,
  });
  expect(result.stderr).toContain('KEY-TEXT\n-rw-------');
});
