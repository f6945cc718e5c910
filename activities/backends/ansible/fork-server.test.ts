import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createBackends, createSshMasters, type ForkServer } from '../index.ts';
import { renderScopeArgv } from '../scope.ts';
import { countProcesses, leftIn, makeFolder, makeRun, python, recordReport, startForkServer } from '../test-run.ts';
import { renderProgram } from './render-command.ts';

vi.setConfig({ testTimeout: 60_000 });

const never = new AbortController().signal;

let base: string;
let own: string;
let server: ForkServer;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'aegir-test-base-'));
  own = await mkdtemp(join(tmpdir(), 'aegir-test-own-'));
});
beforeEach(async () => {
  server = await startForkServer(own);
  return () => server.close();
});
afterAll(async () => {
  await rm(base, { recursive: true, force: true });
  await rm(own, { recursive: true, force: true });
});

function backend() {
  const dependencies = { python, runFolder: base, forkServer: server, environment: { PATH: process.env.PATH ?? '' } };
  return createBackends({ ...dependencies, masters: createSshMasters(dependencies) }).ansible;
}

/** Of the server itself and of its copies. */
const countServers = () => countProcesses(`fork_server.py ${join(own, 'ansible.sock')}`);

const sleeping = (mark: string) =>
  `- aegir_stream: {argv: [sh, -c, "echo up; setsid sleep ${mark} & sleep ${mark}; true"]}`;

test.each(['namespace', 'user_namespace'] as const)('a copy is in the %s of the run that it belongs to', async kind => {
  const folder = await makeFolder({
    'play.yml': `
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.command: {argv: [readlink, /proc/self/ns/pid, /proc/self/ns/user]}
      register: seen
    - ansible.builtin.debug: {msg: "copy {{ seen.stdout_lines }}"}
`,
  });
  const program = [...renderProgram(python, server.socket()), 'play.yml'];
  const show = ['sh', '-c', 'echo "own $(readlink /proc/self/ns/pid /proc/self/ns/user | xargs)"; exec "$@"', 'sh'];
  const [file = '', ...argv] = renderScopeArgv(kind, [...show, ...program]);
  const { stdout } = await execa(file, argv, {
    cwd: folder.path,
    env: { HOME: folder.path, ANSIBLE_STDOUT_CALLBACK: 'default' },
    stdio: ['ignore', 'pipe', 'inherit', 'ignore'],
  });
  await folder.remove();
  const [, ...spaces] = /^own (\S+) (\S+)$/m.exec(stdout) ?? [];
  expect(spaces[0]).not.toBe(await readlink('/proc/self/ns/pid'));
  expect(stdout).toContain(`copy ['${spaces.join("', '")}']`);
});

test('a run without the server, or with one that is gone, starts Ansible by itself', async () => {
  const role = await makeFolder({ 'tasks/main.yml': '- ansible.builtin.debug: {msg: hello}' });
  await server.close();
  const gone = { ...server, socket: () => join(own, 'ansible.sock') };
  const dependencies = { python, runFolder: base, forkServer: gone };
  const backend = createBackends({ ...dependencies, masters: createSshMasters(dependencies) }).ansible;
  const result = await backend.run(makeRun({ folder: role.path }), recordReport(), never);
  await role.remove();
  expect(result.status).toBe('succeeded');
  expect(await countServers()).toBe(0);
});

test('when the server is killed its runs go on, and the next one finds another', async () => {
  const mark = `6${process.pid}1`;
  const role = await makeFolder({ 'tasks/main.yml': sleeping(mark) });
  const report = recordReport();
  const abort = new AbortController();
  const running = backend().run(makeRun({ folder: role.path }), report, abort.signal);
  await report.until('up');
  const [pid] = await serverPids();
  process.kill(pid ?? 0, 'SIGKILL');
  await vi.waitFor(async () => expect(await serverPids()).not.toContain(pid));
  expect(await countProcesses(`sleep ${mark}`)).toBeGreaterThan(0);
  abort.abort();
  expect((await running).status).toBe('cancelled');
  expect(await countProcesses(`sleep ${mark}`)).toBe(0);
  const quick = await makeFolder({ 'tasks/main.yml': '- ansible.builtin.debug: {msg: hello}' });
  expect((await backend().run(makeRun({ folder: quick.path }), recordReport(), never)).status).toBe('succeeded');
  await vi.waitFor(async () => expect(await serverPids()).toHaveLength(1));
  await role.remove();
  await quick.remove();
  expect(await leftIn(base)).toEqual([]);
});

test('when a copy and what waits for it are killed the run ends as one that was killed, and leaves nothing', async () => {
  const mark = `6${process.pid}2`;
  const role = await makeFolder({ 'tasks/main.yml': sleeping(mark) });
  const report = recordReport();
  const running = backend().run(makeRun({ folder: role.path }), report, never);
  await report.until('up');
  const first = await serverPids();
  const { stdout } = await execa('pgrep', ['-f', `fork_server.py ${join(own, 'ansible.sock')}`]);
  for (const pid of stdout.split('\n').map(Number)) if (!first.includes(pid)) process.kill(pid, 'SIGKILL');
  expect(await running).toMatchObject({ status: 'failed', exitCode: 128 + 9 });
  expect(await countProcesses(`sleep ${mark}`)).toBe(0);
  await role.remove();
});

test('SIGKILL of the worker leaves neither the server nor a copy', async () => {
  const mark = `6${process.pid}3`;
  const role = await makeFolder({ 'tasks/main.yml': sleeping(mark) });
  const folder = await mkdtemp(join(tmpdir(), 'aegir-test-own-'));
  const job = { run: makeRun({ folder: role.path }), runFolder: folder, own: join(folder, 'own') };
  const script = `
    import { createBackends, createSshMasters } from ${JSON.stringify(new URL('../index.ts', import.meta.url).href)};
    import { recordReport, python, startForkServer } from ${JSON.stringify(new URL('../test-run.ts', import.meta.url).href)};
    const job = ${JSON.stringify(job)};
    const forkServer = await startForkServer(job.own);
    const dependencies = { python, runFolder: job.runFolder, forkServer };
    const report = { ...recordReport(), line: text => process.stdout.write(text + '\\n') };
    await createBackends({ ...dependencies, masters: createSshMasters(dependencies) })
      .ansible.run(job.run, report, new AbortController().signal);`;
  const worker = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const chunk of worker.stdout) if (String(chunk).includes('up')) break;
  expect(await countProcesses(`fork_server.py ${join(folder, 'own')}`)).toBeGreaterThan(2);
  const exited = once(worker, 'exit');
  worker.kill('SIGKILL');
  await exited;
  await vi.waitFor(async () => {
    expect(await countProcesses(`sleep ${mark}`)).toBe(0);
    expect(await countProcesses(`fork_server.py ${join(folder, 'own')}`)).toBe(0);
  });
  await role.remove();
  await rm(folder, { recursive: true, force: true });
});

/** Of servers that are not copies: this process is their parent. */
async function serverPids(): Promise<number[]> {
  const { stdout } = await execa('ps', ['-eo', 'pid=,ppid=,args=', '-ww']);
  return stdout
    .split('\n')
    .filter(line => line.includes(`fork_server.py ${join(own, 'ansible.sock')}`))
    .map(line => line.trim().split(/\s+/).map(Number))
    .flatMap(([pid = 0, parent]) => (parent === process.pid ? [pid] : []));
}
