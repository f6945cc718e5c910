// Actions with a real engine: answered at once, refused like Operations, and nothing of them is kept.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { ActionView, AuditView, OperationTypeOffer, OperationView, Page, ProblemJson } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { launch, type Running, waitUntilReady } from '../start/launch.ts';
import { freePort } from '../start/ports.ts';
import { findTemporal } from '../start/temporal.ts';
import { type Aegir, startAegir } from './harness.ts';
import { tokenOf } from './people.ts';
import { clientWithKey } from './sealed.ts';
import { makeTypeFolder } from './task-types.ts';

const link = 'https://site.example/once/k3y-0f-0ne-login';
const secret = 'Tr0ub4dor&3-in-clear';
const types = makeTypeFolder();
let aegir: Aegir;
let project: Entity;
let connection: Connection;
let client: Client;

const giveLink = `cat >/dev/null; echo "{\\"url\\": \\"${link}\\"}" > "$AEGIR_OUTPUTS"`;

function makeTypes(): void {
  const outputs = 'outputs: {url: {type: str, help: Link}}\n';
  types.shellTask('make_link', `echo ${link}; ${giveLink}`, { meta: outputs });
  types.shellTask('make_link_here', giveLink, { meta: outputs, target: 'server' });
  types.shellTask('tell_all', `cat; echo; echo "it was ${link}"; echo 'no such site' >&2; exit 7`, {
    options: 'password: {type: str, description: Secret, required: true, no_log: true}',
  });
  types.shellTask(
    'say_word',
    `cat >/dev/null; echo '{"status": {"word": "said", "problems": []}}' > "$AEGIR_OUTPUTS"`,
    {
      options:
        'word: {type: str, description: A word, required: true}, count: {type: int, description: How often, required: true}, tone: {type: str, description: How, default: low}',
      meta: 'outputs: {status: {type: dict, help: What it is}}\n',
    },
  );
  types.shellTask('take_long', 'cat >/dev/null; sleep 97531', { meta: 'timeout: 2\n' });
  types.shellTask('hold_on', 'cat >/dev/null; echo holding; sleep 97532');
  const action = (name: string, on: string, task: string, more = '') =>
    types.operation(name, on, `[{id: only, task: ${task}}]`, `action: true\n${more}`);
  action('link_to', 'project', 'make_link', 'opens: url\n');
  action('link_here', 'server', 'make_link_here', 'opens: url\n');
  action('fail_to', 'project', 'tell_all');
  action('speak', 'project', 'say_word', 'minimum_role: engineer\n');
  action('when_verified', 'project', 'make_link', 'when: [verified]\n');
  action('wait_long', 'project', 'take_long');
  types.operation('hold', 'project', '[{id: hold, task: hold_on}]');
}

function act<T = ActionView>(type: string, input: Record<string, unknown> = {}, of: Aegir = aegir, options = {}) {
  return of.call<T>('POST', '/api/projects/site/actions', { type, input }, options);
}

async function addProject(to: Aegir): Promise<Entity> {
  const values = { name: 'site', repository: 'https://example.org/site.git', application: 'static' };
  return (await to.call<Entity>('POST', '/api/projects', { values })).body;
}

beforeAll(async () => {
  makeTypes();
  aegir = await startAegir({ types: types.path, environment: { AEGIR_CONCURRENT_TASKS: '2' } });
  project = await addProject(aegir);
  connection = await Connection.connect({ address: inject('temporalAddress') });
  client = new Client({ connection, namespace: aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '' });
});

afterAll(async () => {
  await connection?.close();
  await aegir?.stop();
  types.remove();
});

test('an Action answers its outputs, and no cache keeps them', async () => {
  const { status, body, headers } = await act('link_to');
  expect([status, body]).toEqual([200, { state: 'succeeded', outputs: { url: link }, message: '', lines: [] }]);
  expect(headers.get('cache-control')).toBe('no-store');
});

test('one on a Server that is this machine runs here', async () => {
  await aegir.call('POST', '/api/clusters', { values: { name: 'main', kind: 'servers' } });
  await aegir.call('POST', '/api/servers', { values: { name: 'here', cluster: 'main', connection: 'local' } });
  const { body } = await aegir.call<ActionView>('POST', '/api/servers/here/actions', { type: 'link_here' });
  expect(body).toMatchObject({ state: 'succeeded', outputs: { url: link } });
});

test('one that fails says why with its last lines, secrets masked', async () => {
  const { status, body } = await act('fail_to', { password: secret });
  expect(status).toBe(200);
  expect(body).toMatchObject({ state: 'failed', outputs: {}, message: 'tell_all ended with code 7: no such site' });
  expect(body.lines.slice(-2)).toEqual([`it was ${link}`, 'no such site']);
  expect(body.lines.join('\n')).toContain('********');
  expect(JSON.stringify(body)).not.toContain(secret);
});

test('what takes longer than its limit is ended and says so', async () => {
  const { body } = await act('wait_long');
  expect(body).toMatchObject({ state: 'failed', message: 'It took longer than its limit of 2 s and was ended.' });
  await expect.poll(() => commandLines().includes('sleep\u000097531'), { timeout: 20_000 }).toBe(false);
});

describe('it is refused like an Operation:', () => {
  test('without the role, in the wrong state, or as an Operation', async () => {
    const viewer = await tokenOf(aegir, 'viewer');
    const refused = await act<ProblemJson>('link_to', {}, aegir, { token: viewer });
    expect([refused.status, refused.body.detail]).toEqual([403, expect.stringContaining('role operator')]);
    const state = await act<ProblemJson>('when_verified');
    expect([state.status, state.body.detail]).toEqual([409, 'Offered when the Project is verified; it is new.']);
    const asAction = await act<ProblemJson>('hold');
    expect([asAction.status, asAction.body.detail]).toEqual([422, expect.stringContaining('is an Operation')]);
    const asOperation = await aegir.call<ProblemJson>('POST', '/api/projects/site/operations', { type: 'link_to' });
    expect([asOperation.status, asOperation.body.detail]).toEqual([422, expect.stringContaining('is an Action')]);
  });

  test('with every mistake of its input', async () => {
    const { status, body } = await act<ProblemJson>('speak', { count: 'many' });
    expect(status).toBe(422);
    expect(body.problems.map(problem => problem.path)).toEqual(['word', 'count']);
  });
});

test('it is offered beside the Operations, with what it opens and whether it asks', async () => {
  const { body } = await aegir.call<OperationTypeOffer[]>('GET', `/api/projects/${project.id}/operation-types`);
  const offered = Object.fromEntries(body.map(offer => [offer.name, offer.action]));
  expect(offered).toMatchObject({
    link_to: { opens: 'url', asks: 'nothing' },
    speak: { opens: null, asks: 'required' },
    hold: null,
  });
});

test('what is left of it is who did what to what', async () => {
  const { body } = await aegir.call<Page<AuditView>>('GET', '/api/audit');
  const row = body.items.find(item => item.verb === 'link_to');
  expect(row).toMatchObject({ objectKind: 'project', objectName: 'site', before: null, after: null });
  expect(row?.actor).toMatch(/@/);
  expect((await aegir.call<Page<OperationView>>('GET', '/api/operations')).body.items).toEqual([]);
});

test('neither its link nor a secret is in a table, a log of ours or the engine in clear', async () => {
  const database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
  const { rows } = await database.query<{ name: string }>(
    `select table_schema || '.' || quote_ident(table_name) as name from information_schema.tables where table_schema in ('public', 'drizzle')`,
  );
  expect(rows.length).toBeGreaterThan(15);
  for (const { name } of rows) {
    const find = `select count(*)::int as n from ${name} as row where position($1 in row::text) > 0 or position($2 in row::text) > 0`;
    expect((await database.query(find, ['k3y-0f-0ne-login', secret])).rows[0].n, name).toBe(0);
  }
  await database.end();
  const logs = [aegir.server.output(), aegir.worker.output()].join('\n');
  expect(logs.length).toBeGreaterThan(100);
  for (const text of [logs, await engineText()]) {
    expect(text).not.toContain('k3y-0f-0ne-login');
    expect(text).not.toContain(secret);
  }
});

/** Everything that the engine tells of the Actions so far, its bytes included. */
async function engineText(): Promise<string> {
  const all: unknown[] = [];
  // Its list is eventually consistent.
  await expect.poll(async () => (await client.activity.count('')).count, { timeout: 20_000 }).toBeGreaterThan(3);
  for await (const { activityId } of client.activity.list('')) {
    const request = { namespace: aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '', activityId };
    const more = { includeInput: true, includeOutcome: true, includeLastFailure: true };
    all.push(await connection.workflowService.describeActivityExecution({ ...request, ...more }));
  }
  const json = JSON.stringify(all);
  expect(json).toContain('make_link');
  const bytes = json.match(/[A-Za-z0-9+/=]{12,}/g)?.map(text => Buffer.from(text, 'base64').toString('latin1')) ?? [];
  return [json, ...bytes].join('\n');
}

describe('whoever reaches the engine’s port', () => {
  const queue = 'aegir-actions';
  const startToCloseTimeout = '10 seconds';
  const resultOf = (id: string) => clientWithKey(aegir, connection).activity.getHandle(id).result();

  test('cannot run an unsealed Action', async () => {
    await client.activity.start('make_link', {
      id: 'forged',
      taskQueue: queue,
      startToCloseTimeout,
      args: [{ action: { id: 'forged' } }],
      retry: { maximumAttempts: 1 },
    });
    await expect(resultOf('forged')).rejects.toMatchObject({
      cause: { message: expect.stringContaining('did not seal') },
    });
  });

  test('cannot run a sealed Action, or a step of an Operation, again under another id', async () => {
    const { body } = await aegir.call<OperationView>('POST', '/api/projects/site/operations', { type: 'hold' });
    await expect.poll(() => aegir.log(body.id), { timeout: 30_000 }).toContain('holding');
    await aegir.call('POST', `/api/operations/${body.id}/cancel`);
    await aegir.waitFor(body.id);
    const history = await client.workflow.getHandle(body.id).fetchHistory();
    const activities = history.events?.flatMap(event => event.activityTaskScheduledEventAttributes ?? []);
    const step = activities?.find(({ activityType }) => activityType?.name === 'hold_on');
    const namespace = aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '';
    const all = await Array.fromAsync(client.activity.list(''));
    const last = all.find(({ activityId, activityType }) => activityType === 'make_link' && activityId !== 'forged');
    const { input } = await connection.workflowService.describeActivityExecution({
      namespace,
      activityId: last?.activityId ?? '',
      includeInput: true,
    });
    const replay = async (activityId: string, taskQueue: string, type: string, sealed: typeof input) => {
      await connection.workflowService.startActivityExecution({
        namespace,
        activityId,
        requestId: activityId,
        activityType: { name: type },
        taskQueue: { name: taskQueue },
        startToCloseTimeout: { seconds: 10 as never },
        retryPolicy: { maximumAttempts: 1 },
        input: sealed ?? null,
      });
      return resultOf(activityId);
    };
    await expect(replay('again', queue, 'make_link', input)).rejects.toMatchObject({
      cause: { message: 'This belongs to another Action.' },
    });
    await expect(replay('step', 'aegir', 'hold_on', step?.input)).rejects.toMatchObject({
      cause: { message: 'This belongs to another Operation.' },
    });
  });
});

describe('Actions and workers:', () => {
  test('one is answered while Operations fill the worker', async () => {
    const start = async () =>
      (await aegir.call<OperationView>('POST', '/api/projects/site/operations', { type: 'hold' })).body.id;
    const running = [await start(), await start()];
    for (const id of running) await expect.poll(() => aegir.log(id), { timeout: 30_000 }).toContain('holding');
    expect((await act('link_to')).body.state).toBe('succeeded');
    for (const id of running) {
      await aegir.call('POST', `/api/operations/${id}/cancel`);
      expect((await aegir.waitFor(id)).state).toBe('cancelled');
    }
  });

  test('without a worker it says so within seconds', async () => {
    await aegir.worker.stop();
    const begun = Date.now();
    const { status, body } = await act<ProblemJson>('link_to');
    expect([status, body.detail]).toEqual([503, expect.stringContaining('No worker took it within 5 s')]);
    expect(Date.now() - begun).toBeLessThan(15_000);
    aegir.worker = await aegir.startWorker();
    expect((await act('link_to')).status).toBe(200);
  });
});

describe('on a server that runs no activity by itself', () => {
  let engine: Running;
  let other: Aegir;
  const folder = mkdtempSync(join(tmpdir(), 'aegir-engine-'));

  beforeAll(async () => {
    const port = await freePort();
    const python = join(import.meta.dirname, '..', '.cache', 'python', 'bin');
    const off = ['--dynamic-config-value', 'activity.enableStandalone=false'];
    const logFile = join(folder, 'temporal.log');
    engine = await launch({
      command: findTemporal(process.env.PATH ?? '', python),
      args: [
        'server',
        'start-dev',
        '--headless',
        '--ip',
        '127.0.0.1',
        '--port',
        String(port),
        '--log-level',
        'warn',
        ...off,
      ],
      logFile,
      environment: process.env,
      graceMs: 10_000,
    });
    const address = `127.0.0.1:${port}`;
    const check = () =>
      Connection.connect({ address, connectTimeout: 1000 }).then(
        it => it.close(),
        () => null,
      );
    await waitUntilReady(engine, {
      what: 'Temporal',
      logFile,
      timeoutMs: 60_000,
      check: async () => (await check()) !== null,
    });
    other = await startAegir({ types: types.path, environment: { TEMPORAL_ADDRESS: address } });
    await addProject(other);
  });

  afterAll(async () => {
    await other?.stop();
    await engine?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('a workflow of the Action’s name carries it out, with the same answers', async () => {
    for (let time = 1; time <= 2; time += 1)
      expect((await act('link_to', {}, other)).body).toMatchObject({ state: 'succeeded', outputs: { url: link } });
    const { body } = await act('fail_to', { password: secret }, other);
    expect(body).toMatchObject({ state: 'failed', message: 'tell_all ended with code 7: no such site' });
    expect(body.lines).toContain('no such site');
    const namespace = other.environment.AEGIR_TEMPORAL_NAMESPACE ?? '';
    const there = await Connection.connect({ address: other.environment.TEMPORAL_ADDRESS ?? '' });
    const console = new Client({ connection: there, namespace });
    await expect.poll(async () => (await console.workflow.count()).count, { timeout: 20_000 }).toBe(3);
    const runs = await Array.fromAsync(console.workflow.list());
    expect(runs.map(run => run.type).sort()).toEqual(['fail_to', 'link_to', 'link_to']);
    const histories = await Promise.all(runs.map(run => console.workflow.getHandle(run.workflowId).fetchHistory()));
    await there.close();
    const json = JSON.stringify(histories);
    const bytes = json.match(/[A-Za-z0-9+/=]{12,}/g)?.map(text => Buffer.from(text, 'base64').toString('latin1')) ?? [];
    for (const text of ['k3y-0f-0ne-login', secret]) expect([json, ...bytes].join('\n')).not.toContain(text);
  });

  test('without a worker it says so within seconds', async () => {
    await other.worker.stop();
    const { status, body } = await act<ProblemJson>('link_to', {}, other);
    expect([status, body.detail]).toEqual([503, expect.stringContaining('No worker took it within 5 s')]);
  });
});

function commandLines(): string {
  const read = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
    } catch {
      return '';
    }
  };
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(read)
    .join('\n');
}
