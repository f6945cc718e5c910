// Actions and programs of Tasks on a real Server, through everything: API, engine, worker, ssh.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ActionView, OperationView } from '../api/contract.ts';
import { aegirCommand } from './cli.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';
import { canRunHosts, startTestHost, type TestHost } from './test-host.ts';

const reason = canRunHosts();
const types = makeTypeFolder();
let host: TestHost;
let aegir: Aegir;

const outputs = 'outputs: {url: {type: str, help: Link}}\n';
const act = (type: string) => aegir.call<ActionView>('POST', '/api/servers/web1/actions', { type });

beforeAll(async () => {
  if (reason) return;
  const link = 'cat >/dev/null; echo "{\\"url\\": \\"https://$(hostname).example/once\\"}" > "$AEGIR_OUTPUTS"';
  types.shellTask('make_link', `echo on $(hostname) as $(id -un); ${link}`, { target: 'server', meta: outputs });
  types.shellTask('fail_there', 'echo looking; echo "no such account" >&2; exit 9', { target: 'server' });
  types.shellTask('wait_there', 'echo waiting; sleep 96001', { target: 'server', meta: 'timeout: 3\n' });
  types.shellTask('hold_there', 'echo holding on $(hostname); sleep 96002', { target: 'server' });
  const action = (name: string, task: string, more = '') =>
    types.operation(name, 'server', `[{id: only, task: ${task}}]`, `action: true\n${more}`);
  action('link_to', 'make_link', 'opens: url\n');
  action('fail', 'fail_there');
  action('wait', 'wait_there');
  types.operation('make', 'server', '[{id: make, task: make_link}]');
  types.operation('hold', 'server', '[{id: hold, task: hold_there}]');
  host = await startTestHost('act');
  aegir = await startAegir({ types: types.path });
  await aegir.call('POST', '/api/clusters', { values: { name: 'main', kind: 'servers' } });
  const values = { name: 'web1', cluster: 'main', address: host.address, ssh_key: host.privateKey };
  const made = await aegir.call('POST', '/api/servers', { values });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
});

afterAll(async () => {
  await aegir?.stop();
  await host?.stop();
  types.remove();
});

const leftThere = async () =>
  (await host.exec('find /run /dev/shm /tmp /var/tmp -maxdepth 1 -name "aegir-*"; pgrep -a sleep | grep 9600')).stdout;

test.skipIf(reason)(
  'an Action runs on its Server, pins its key at the first contact, and leaves nothing there',
  async () => {
    const url = `https://${host.name}.example/once`;
    expect((await act('link_to')).body).toEqual({ state: 'succeeded', outputs: { url }, message: '', lines: [] });
    const { body } = await aegir.call<{ values: { host_key: string } }>('GET', '/api/servers/web1');
    expect(body.values.host_key).toBe(host.hostKey);
    const { code, stdout } = await aegirCommand(aegir, 'run', 'link_to', 'web1');
    expect([code, stdout]).toEqual([0, url]);
    expect(await leftThere()).toBe('');
  },
);

test.skipIf(reason)('its last lines come back when it fails there, and its time limit ends it there', async () => {
  const failed = await act('fail');
  expect(failed.body).toMatchObject({
    state: 'failed',
    message: 'fail_there ended with code 9: no such account',
    lines: ['looking', 'no such account'],
  });
  expect((await act('wait')).body.message).toContain('its limit of 3 s');
  await expect.poll(leftThere, { timeout: 30_000 }).toBe('');
});

test.skipIf(reason)(
  'a Task whose program runs on its Server has its lines, outputs and end like any other',
  async () => {
    const made = await aegir.run('servers', 'web1', 'make');
    expect(made.state, made.message).toBe('succeeded');
    expect(made.tasks[1]?.outputs).toEqual({ url: `https://${host.name}.example/once` });
    expect(await aegir.log(made.id)).toContain(`on ${host.name} as root`);

    const { body } = await aegir.call<OperationView>('POST', '/api/servers/web1/operations', { type: 'hold' });
    await expect.poll(() => aegir.log(body.id), { timeout: 60_000 }).toContain(`holding on ${host.name}`);
    expect(await leftThere()).toContain('sleep 96002');
    await aegir.call('POST', `/api/operations/${body.id}/cancel`);
    expect((await aegir.waitFor(body.id)).state).toBe('cancelled');
    expect(await leftThere()).toBe('');
  },
);

test.skipIf(reason)('a Server that does not answer is told within the limit', async () => {
  await host.cutNetwork();
  try {
    const { status, body } = await act('link_to');
    expect([status, body.state]).toEqual([200, 'failed']);
    expect(body.message).toMatch(/was lost|does not answer/);
  } finally {
    await host.healNetwork();
  }
  await expect.poll(async () => (await act('link_to')).body.state, { timeout: 60_000 }).toBe('succeeded');
});
