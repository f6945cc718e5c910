import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { OperationView } from '../api/contract.ts';
import type { CliResult } from './cli.ts';
import { type Aegir, startAegir } from './harness.ts';
import { type Operator, operatorOf, processesOf } from './operator.ts';
import { makeTypeFolder } from './task-types.ts';
import { canRunHosts, startTestHost, type TestHost } from './test-host.ts';

const reason = canRunHosts();
if (reason) console.warn(`Skipped: failures of the connection and of the worker. ${reason}`);

/** Runs on the host until /root/go is there; the test counts its copies by its name. */
const waiter =
  'echo started >> /root/starts; echo begun on the host; until [ -e /root/go ]; do sleep 0.2; done; echo done';
const waitOnHost = `- name: Look around first
  ansible.builtin.command: {argv: ["true"]}
- name: Wait for the file
  aegir_stream:
    argv: [sh, -c, ${JSON.stringify(waiter)}, aegir-test-waiter]
`;

const waitAloneOnHost = `- name: Wait for the file
  ansible.builtin.command: {argv: [sh, -c, ${JSON.stringify(waiter)}, aegir-test-waiter]}
`;

/** 50,000 numbered lines, and between them what logs are lost by: blank lines, a very long one, bytes that are no text. */
const printer = [
  'import sys',
  'for i in range(1, 50001):',
  '    sys.stdout.buffer.write(b"%d\\n" % i)',
  '    if i % 5000 == 0: sys.stdout.buffer.write(b"\\n")',
  '    if i == 12345: sys.stdout.buffer.write(b"x" * 40000 + b"\\n")',
  '    if i == 23456: sys.stdout.buffer.write(b"caf\\xe9 \\xff\\n")',
].join('\n');

function printedLines(): string[] {
  const lines: string[] = [];
  for (let i = 1; i <= 50_000; i++) {
    lines.push(String(i));
    if (i % 5000 === 0) lines.push('');
    // 16 KiB is the longest line that is kept whole.
    if (i === 12_345) lines.push('x'.repeat(16_384), 'x'.repeat(16_384), 'x'.repeat(40_000 - 2 * 16_384));
    if (i === 23_456) lines.push('caf\ufffd \ufffd');
  }
  return lines;
}

describe.skipIf(reason !== null)('a Server and a worker in trouble', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-failures-'));
  const types = makeTypeFolder();
  let host: TestHost;
  let aegir: Aegir;
  let operator: Operator;
  /** Three attempts at a host that is not there take half a minute: meanwhile the other tests run. */
  let nobody: Promise<CliResult>;

  const verify = (server = 'web1') => operator.cli('run', 'verify_server', server, '--follow');
  const stateOf = async (server = 'web1') => (await operator.entity(`servers/${server}`)).state;
  const copies = async () => Number((await host.exec("pgrep -fc '^sh -c .*aegir-test-waite[r]'")).stdout);
  const permits = async () => (await host.exec('ls /run/aegir/permits')).stdout;
  const release = () => host.exec('touch /root/go');

  /** The Operation that waits on the host, followed by ./aegir; resolves when its command runs there. */
  const startWaiting = async (type = 'wait') => {
    const followed = operator.cli('run', type, 'web1', '--follow');
    await expect.poll(copies, { timeout: 60_000 }).toBe(1);
    const { id } = await operator.lastOperation('servers/web1');
    const load = async () => (await aegir.call<OperationView>('GET', `/api/operations/${id}`)).body;
    return { followed, id, load, attempts: async () => (await load()).tasks[1]?.attempts ?? [] };
  };

  beforeAll(async () => {
    types.ansibleTask('wait_on_host', waitOnHost);
    types.ansibleTask('wait_alone_on_host', waitAloneOnHost);
    types.ansibleTask('print_on_host', `- aegir_stream: {argv: [python3, -c, ${JSON.stringify(printer)}]}\n`);
    types.shellTask('print_on_worker', `exec python3 -c '${printer}'`);
    types.operation('wait', 'server', '[{id: wait, task: wait_on_host}]');
    types.ansibleTask('wait_once', waitOnHost, { meta: 'repeatable: false\n' });
    types.operation('wait_alone', 'server', '[{id: wait, task: wait_alone_on_host}]');
    types.operation('wait_for_good', 'server', '[{id: wait, task: wait_once}]');
    types.operation('print', 'server', '[{id: host, task: print_on_host}, {id: worker, task: print_on_worker}]');
    host = await startTestHost('fail');
    aegir = await startAegir({ types: types.path });
    operator = operatorOf(aegir);
    await operator.must('cluster', 'create', '--name', 'farm', '--kind', 'servers');
    const server = ['server', 'create', '--cluster', 'farm', '--ssh-key', `@${host.keyFile}`];
    await operator.must(...server, '--name', 'web1', '--address', host.address);
    await operator.must(...server, '--name', 'nobody', '--address', host.address.replace(/\d+$/, '77'));
    nobody = verify('nobody');
  });

  beforeEach(async () => {
    await host.exec('rm -f /root/go /root/starts');
  });

  afterAll(async () => {
    await aegir?.stop();
    await host?.stop();
    types.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test('a key that the Server does not know fails at once and says which line to put where', async () => {
    const file = join(folder, 'other');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
    await operator.must('server', 'edit', 'web1', '--ssh-key', `@${file}`);
    const { operation } = await operator.failureOf('servers/web1', verify());
    expect(operation.message).toContain('refused the SSH key SHA256:');
    expect(operation.message).toContain('~root/.ssh/authorized_keys');
    expect(operation.message).toContain(execFileSync('ssh-keygen', ['-y', '-f', file]).toString().trim());
    expect(operation.tasks[1]?.attempts).toHaveLength(1);
    expect(await stateOf()).toBe('failed');
  });

  test('a text that is no private key fails at once, and with the right one the Server is verified', async () => {
    const file = join(folder, 'no-key');
    writeFileSync(file, 'ssh-ed25519 AAAA this is a public key\n');
    await operator.must('server', 'edit', 'web1', '--ssh-key', `@${file}`);
    const { operation } = await operator.failureOf('servers/web1', verify());
    expect(operation.message).toContain('The SSH private key of web1 cannot be read');
    expect(operation.tasks[1]?.attempts).toHaveLength(1);
    await operator.must('server', 'edit', 'web1', '--ssh-key', `@${host.keyFile}`);
    await operator.must('run', 'verify_server', 'web1', '--follow');
    expect(await stateOf()).toBe('verified');
  });

  test('a host that shows another key than the pinned one is not spoken to until a person empties the field', async () => {
    const before = (await operator.entity('servers/web1')).values.host_key;
    // The live connection goes with the old key.
    await host.exec('rm /etc/ssh/ssh_host_*; ssh-keygen -A; systemctl restart ssh; pkill -f "^sshd: root"');
    await expect.poll(async () => (await host.exec('true')).code, { timeout: 20_000 }).toBe(0);
    const { operation } = await operator.failureOf('servers/web1', verify());
    expect(operation.message).toContain('The host key of web1');
    expect(operation.message).toMatch(/pinned is SHA256:\S+, found was SHA256:\S+\./);
    expect(operation.message).toContain('empty the field "Pinned host key"');
    expect(operation.tasks[1]?.attempts).toHaveLength(1);
    expect((await operator.entity('servers/web1')).values.host_key).toBe(before);
    await operator.must('server', 'edit', 'web1', '--host-key', '');
    expect(await operator.must('run', 'verify_server', 'web1', '--follow')).toContain('First contact with web1');
    expect((await operator.entity('servers/web1')).values.host_key).not.toBe(before);
    expect(await stateOf()).toBe('verified');
  });

  test('a network that fails in the middle is waited for: the run goes on as a second attempt, and nothing runs twice', async () => {
    const run = await startWaiting();
    await host.cutNetwork();
    try {
      await expect.poll(async () => (await run.attempts())[0]?.state, { timeout: 60_000 }).toBe('failed');
    } finally {
      await host.healNetwork();
    }
    await expect.poll(async () => (await run.attempts()).at(-1)?.lines, { timeout: 60_000 }).toBeGreaterThan(3);
    await expect.poll(copies, { timeout: 30_000 }).toBe(1);
    await release();
    expect((await run.followed).code).toBe(0);
    const [first] = await run.attempts();
    expect(first?.message).toContain('The connection to web1 was lost');
    expect(first?.message).toContain('It is tried again.');
    expect(await copies()).toBe(0);
  });

  test('a worker that is stopped hands its Task to the next one, and nothing runs twice', async () => {
    const run = await startWaiting();
    await aegir.worker.stop();
    expect(await copies()).toBe(0);
    aegir.worker = await aegir.startWorker();
    await expect.poll(copies, { timeout: 60_000 }).toBe(1);
    await release();
    const { code, stdout } = await run.followed;
    expect(code, stdout).toBe(0);
    expect(stdout).toContain('The worker was stopped in the middle; another one carries the Task out again.');
    expect((await run.attempts()).map(attempt => attempt.state)).toEqual(['failed', 'succeeded']);
    expect((await host.exec('cat /root/starts')).stdout).toBe('started\nstarted');
  });

  test('a worker that is killed is noticed, its command is ended, and the next worker carries the Task out', async () => {
    const run = await startWaiting();
    process.kill(aegir.worker.pid, 'SIGKILL');
    await aegir.worker.exited;
    aegir.worker = await aegir.startWorker();
    await expect
      .poll(async () => (await host.exec('cat /root/starts')).stdout, { timeout: 90_000 })
      .toBe('started\nstarted');
    expect(await copies()).toBe(1);
    await release();
    const { code, stdout } = await run.followed;
    expect(code, stdout).toBe(0);
    const attempts = await run.attempts();
    expect(attempts.map(attempt => attempt.state)).toEqual(['failed', 'succeeded']);
    expect(attempts[0]?.message).toBe('The worker that ran this attempt went away.');
    expect(stdout).toContain('Attempt 2: making sure that attempt 1 is over.');
    expect(await copies()).toBe(0);
  });

  test('a Task that must not run again has left nothing on the host when it asks after its worker was killed', async () => {
    const { id } = await operator.entity('servers/web1');
    const request = { type: 'wait_for_good', input: {} };
    const started = (await aegir.call<OperationView>('POST', `/api/servers/${id}/operations`, request)).body;
    await expect.poll(copies, { timeout: 60_000 }).toBe(1);
    process.kill(aegir.worker.pid, 'SIGKILL');
    await aegir.worker.exited;
    aegir.worker = await aegir.startWorker();
    const parked = await aegir.waitUntilQuiet(started.id);
    expect([parked.state, parked.attentions[0]?.choices]).toEqual(['needs_attention', ['retry', 'leave']]);
    expect(await copies()).toBe(0);
    expect((await host.exec('cat /root/starts')).stdout).toBe('started');
    // The worker that begins ends processes of this machine, which those of the host are here; only the end there takes these.
    expect(await permits()).toBe('');
    await aegir.waitFor(started.id);
  });

  test('one that is cancelled while there is no worker has left nothing on the host when it is over', async () => {
    const run = await startWaiting();
    process.kill(aegir.worker.pid, 'SIGKILL');
    await aegir.worker.exited;
    await operator.must('cancel', run.id, '--choice', 'leave');
    aegir.worker = await aegir.startWorker();
    expect((await aegir.waitFor(run.id)).state).toBe('cancelled');
    await run.followed;
    expect(await copies()).toBe(0);
    expect(await permits()).toBe('');
  });

  test('a cancel ends the command on the host and every process on the worker, and the Operation says so', async () => {
    const run = await startWaiting();
    expect(processesOf(await run.load())).not.toEqual([]);
    await operator.must('cancel', run.id);
    const { code, stdout } = await run.followed;
    expect(code, stdout).toBe(130);
    const operation = await run.load();
    expect(operation.state).toBe('cancelled');
    expect(operation.message).toMatch(/^Cancelled/);
    expect(operation.tasks.map(task => task.state)).toEqual(['succeeded', 'cancelled']);
    expect(processesOf(operation)).toEqual([]);
    expect(await copies()).toBe(0);
    await operator.must('run', 'verify_server', 'web1', '--follow');
  });

  test('what a cancel could not reach is ended when the Server answers again', async () => {
    // Nothing of it asks the control plane whether it is still wanted.
    const run = await startWaiting('wait_alone');
    await host.cutNetwork();
    try {
      await operator.must('cancel', run.id);
      expect((await run.followed).code).toBe(130);
    } finally {
      await host.healNetwork();
    }
    const [, task] = (await run.load()).tasks;
    expect([task?.state, task?.message]).toEqual(['cancelled', expect.stringContaining('it does not answer')]);
    await expect.poll(copies, { timeout: 60_000 }).toBe(0);
    await expect.poll(permits, { timeout: 30_000 }).toBe('');
  });

  test('50,000 lines are all there and in order, from the host and from the worker', async () => {
    const { code, stdout } = await operator.cli('run', 'print', 'web1', '--follow');
    expect(code, stdout.slice(-2000)).toBe(0);
    const operation = await operator.lastOperation('servers/web1');
    const expected = printedLines();
    for (const task of operation.tasks.slice(1)) {
      const log = (await aegir.call<string>('GET', `/api/operations/${operation.id}/log?format=text&task=${task.id}`))
        .body;
      const lines = log.split('\n');
      const from = lines.indexOf('1');
      expect(firstDifference(lines.slice(from, from + expected.length), expected), task.title).toBeNull();
    }
    const followed = stdout.split('\n').filter(line => /^\d+$/.test(line));
    const numbers = expected.filter(line => /^\d+$/.test(line));
    expect(firstDifference(followed, [...numbers, ...numbers])).toBeNull();
  });

  test('a host that is not there is tried three times, then the Server has failed', async () => {
    const { operation, output } = await operator.failureOf('servers/nobody', nobody);
    expect(operation.message).toContain('nobody (');
    expect(operation.message).toContain('Is the machine up');
    expect(operation.tasks[1]?.attempts.map(attempt => attempt.state)).toEqual(['failed', 'failed', 'failed']);
    expect(output.match(/It is tried again\./g)?.length).toBeGreaterThanOrEqual(2);
    expect(await stateOf('nobody')).toBe('failed');
    await operator.must('server', 'edit', 'nobody', '--address', host.address);
    await operator.must('run', 'verify_server', 'nobody', '--follow');
    expect(await stateOf('nobody')).toBe('verified');
  });
});

/** Two long lists, without printing them. */
function firstDifference(found: string[], expected: string[]): { at: number; found: string; expected: string } | null {
  const length = Math.max(found.length, expected.length);
  for (let at = 0; at < length; at++) {
    if (found[at] !== expected[at])
      return { at, found: String(found[at]).slice(0, 80), expected: String(expected[at]).slice(0, 80) };
  }
  return null;
}
