// People are told what happens: by webhooks, chats and mail, whatever the receiver does.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sign } from '../activities/notify/webhook.ts';
import type { OperationView, Page } from '../api/contract.ts';
import type { DeliveryView } from '../api/contract-deliveries.ts';
import type { Entity } from '../model/entities.ts';
import type { Need } from '../model/need.ts';
import type { Running } from '../start/launch.ts';
import { type Aegir, startAegir } from './harness.ts';
import { type HookReceiver, startHookReceiver } from './hook-receiver.ts';
import { findSecrets, readFiles, readTables } from './secret-places.ts';
import { canServeMail, type SmtpServer, startSmtpServer } from './smtp-server.ts';
import { makeTypeFolder } from './task-types.ts';

const types = makeTypeFolder();
let aegir: Aegir;
let worker: Running;
let smtp: SmtpServer;
const hooks: HookReceiver[] = [];

beforeAll(async () => {
  const missing = canServeMail();
  if (missing) throw new Error(missing);
  const reading = `scene=$(sed 's/.*"scene": *"\\([^"]*\\)".*/\\1/')`;
  types.shellTask('do_it', `${reading}; if [ -e "${types.path}/$scene" ]; then echo "It is broken."; exit 7; fi`, {
    options: 'scene: {type: str, description: Its name, required: true}',
  });
  types.operation('try_it', 'project', '[{id: only, task: do_it}]', 'on_failure: {choose: leave}\n');
  types.operation('ask_it', 'project', '[{id: only, task: do_it}]');
  smtp = await startSmtpServer();
  const passwordFile = join(types.path, 'smtp-password');
  writeFileSync(passwordFile, `${smtp.password}\n`, { mode: 0o600 });
  aegir = await startAegir({
    types: types.path,
    environment: {
      AEGIR_SMTP_HOST: 'localhost',
      AEGIR_SMTP_PORT: String(smtp.port),
      AEGIR_SMTP_USER: smtp.user,
      AEGIR_SMTP_PASSWORD_FILE: passwordFile,
      AEGIR_SMTP_FROM: 'Aegir <aegir@example.org>',
      NODE_EXTRA_CA_CERTS: smtp.caFile,
    },
  });
  worker = aegir.worker;
});

afterAll(async () => {
  await aegir?.stop();
  await smtp?.stop();
  for (const hook of hooks) await hook.stop();
  types.remove();
});

async function create(plural: string, values: Record<string, unknown>): Promise<Entity> {
  const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

let projects = 0;
/** Each scene has a Project of its own, and a receiver that hears of nothing else. */
async function scene(values: Record<string, unknown> = {}) {
  projects += 1;
  const name = `scene-${projects}`;
  const repository = 'https://example.org/site.git';
  const project = await create('projects', { name, repository, application: 'static' });
  const hook = await startHookReceiver();
  hooks.push(hook);
  const url = `${hook.url}/services/s3cret-Part-${projects}`;
  const receiver = await create('receivers', { name, type: 'webhook', url, project: project.id, ...values });
  const broken = join(types.path, name);
  return {
    ...{ name, project, hook, receiver },
    run: (type: string) => aegir.run('projects', project.id, type, { scene: name }),
    told: () => hook.got.flatMap(toldIn),
    breakIt: () => writeFileSync(broken, ''),
    mendIt: () => rmSync(broken, { force: true }),
  };
}

interface Told {
  id: string;
  event: string;
  title: string;
  message: string;
}

const toldIn = ({ body }: { body: string }): Told[] => JSON.parse(body).data.notices;
const messagesOf = async (receiver: Entity) =>
  (await aegir.call<Page<DeliveryView>>('GET', `/api/receivers/${receiver.id}/deliveries`)).body.items;
const test204 = (receiver: Entity) => aegir.call<DeliveryView>('POST', `/api/receivers/${receiver.id}/test`);
/** The window in which messages collect, the gap after one, and a loaded machine. */
const soon = { timeout: 60_000, interval: 100 };

async function query<T extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<T[]> {
  const client = new pg.Client({ connectionString: aegir.databaseUrl });
  await client.connect();
  return client
    .query<T>(text, values)
    .then(
      ({ rows }) => rows,
      error => Promise.reject(error),
    )
    .finally(() => client.end());
}

// Each with a Project, a receiver and a switch of its own: what takes long in them is waiting.
describe('a receiver', () => {
  test.concurrent('hears of a failure and of the recovery, signed, and of nothing else', async ({ expect }) => {
    const { hook, receiver, run, told, project, breakIt, mendIt } = await scene();
    const made = await aegir.call<{ secret: string }>('POST', `/api/receivers/${receiver.id}/secrets/signing_secret`);
    expect(made.status).toBe(201);
    await run('try_it');
    breakIt();
    const failed = await run('try_it');
    mendIt();
    expect(failed.state).toBe('failed');
    await expect.poll(told, soon).toEqual([
      expect.objectContaining({
        event: 'operation_failed',
        title: expect.stringMatching(/^Failed: try_it of scene-/),
        message: expect.stringContaining('It is broken.'),
        operation: failed.id,
        project: { id: project.id, name: project.values.name },
      }),
    ]);
    await run('try_it');
    await run('try_it');
    await expect.poll(() => told().map(({ event }) => event), soon).toEqual(['operation_failed', 'recovered']);
    for (const { headers, body } of hook.got) {
      const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature } = headers;
      expect(signature).toBe(sign(made.body.secret, { id: String(id), timestamp: Number(timestamp), body }));
    }
    await expect
      .poll(async () => (await messagesOf(receiver)).map(({ state }) => state), soon)
      .toEqual(['delivered', 'delivered']);
  }, 180_000);

  test.concurrent('hears of a question while nobody has answered it', async ({ expect }) => {
    const { name, project, told, run, breakIt, mendIt } = await scene({ repeat_hours: 1 });
    breakIt();
    const { body } = await aegir.call<OperationView>('POST', `/api/projects/${project.id}/operations`, {
      type: 'ask_it',
      input: { scene: name },
    });
    const asks = await aegir.waitUntilQuiet(body.id);
    await expect.poll(() => told().map(({ event }) => event), soon).toEqual(['needs_attention']);
    const lasting = () =>
      query<{ event: string }>(`select event from notices where operation = $1 and over_at is null`, [body.id]);
    expect(await lasting()).toHaveLength(1);
    mendIt();
    await aegir.decide(asks, 'retry');
    expect((await aegir.waitUntilQuiet(body.id)).state).toBe('succeeded');
    await expect.poll(() => told().map(({ event }) => event), soon).toEqual(['needs_attention', 'recovered']);
    expect(await lasting()).toEqual([]);
    await run('try_it');
  }, 180_000);

  test.concurrent('gets one message of what happens in one moment', async ({ expect }) => {
    const { project, hook, told } = await scene();
    await query(
      `insert into notices (id, organisation, event, key, subject_kind, subject_id, subject_name, project, title, message)
       select 'N' || lpad(n::text, 5, '0') || $1, p.organisation, 'operation_failed', 'many:' || n, 'project', p.id, p.name, p.id, 'Many', 'Number ' || n
       from projects p, generate_series(1, 500) n where p.id = $1`,
      [project.id],
    );
    await expect.poll(() => told().length, soon).toBe(500);
    expect(hook.got).toHaveLength(1);
  }, 120_000);

  test.concurrent('that answers 500 is tried again, with the same id and content, and harms no Operation', async ({
    expect,
  }) => {
    const { hook, receiver, run, breakIt, mendIt } = await scene();
    hook.answer((response, { path }) => response.writeHead(500).end(`no: ${path}`));
    breakIt();
    const failed = await run('try_it');
    mendIt();
    expect(failed.state).toBe('failed');
    await expect.poll(() => hook.got.length, soon).toBeGreaterThan(1);
    const [waiting] = await messagesOf(receiver);
    expect(waiting).toMatchObject({ state: 'sending', answer: 'HTTP 500: no: ********' });
    const { body: trouble } = await aegir.call<Entity>('GET', `/api/receivers/${receiver.id}`);
    expect(trouble.values.trouble).toBe('HTTP 500: no: ********');
    hook.answer(response => response.writeHead(204).end());
    await expect.poll(async () => (await messagesOf(receiver))[0]?.state, soon).toBe('delivered');
    expect(new Set(hook.got.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(hook.got.map(({ body }) => body)).size).toBe(1);
    const { body: well } = await aegir.call<Entity>('GET', `/api/receivers/${receiver.id}`);
    expect(well.values.trouble).toBeNull();
  }, 180_000);

  test.concurrent('that says that it is gone is given up, and takes what is sent again', async ({ expect }) => {
    const { hook, receiver } = await scene();
    hook.answer(response => response.writeHead(410).end());
    await test204(receiver);
    await expect.poll(async () => (await messagesOf(receiver))[0]?.state, soon).toBe('given_up');
    const needs = async () =>
      (await aegir.call<{ items: Need[] }>('GET', '/api/needs')).body.items.filter(
        ({ subject }) => subject.id === receiver.id,
      );
    expect(await needs()).toMatchObject([
      { topic: 'receiver', words: 'HTTP 410', next: { path: `/receivers/${receiver.id}` } },
    ]);
    hook.answer(response => response.writeHead(200).end());
    const [message] = await messagesOf(receiver);
    expect((await aegir.call('POST', `/api/deliveries/${message?.id}/again`)).status).toBe(202);
    await expect.poll(async () => (await messagesOf(receiver))[0]?.state, soon).toBe('delivered');
    expect(hook.got.map(({ headers }) => headers['webhook-id'])).toEqual([message?.id, message?.id]);
    expect(await needs()).toEqual([]);
  }, 120_000);

  test.concurrent('that hangs keeps no other receiver waiting, nor an Operation', async ({ expect }) => {
    const slow = await scene();
    slow.hook.answer(() => undefined);
    await test204(slow.receiver);
    await expect.poll(() => slow.hook.got.length, soon).toBe(1);
    const quick = await scene();
    const begun = Date.now();
    await test204(quick.receiver);
    await expect.poll(() => quick.hook.got.length, soon).toBe(1);
    expect((await quick.run('try_it')).state).toBe('succeeded');
    expect(Date.now() - begun).toBeLessThan(14_000);
    slow.hook.answer(response => response.writeHead(204).end());
    await expect.poll(async () => (await messagesOf(slow.receiver))[0]?.state, soon).toBe('delivered');
  }, 120_000);

  test.concurrent('is told again while it lasts, and not of the same in between', async ({ expect }) => {
    const { receiver, run, told, breakIt, mendIt } = await scene({ repeat_hours: 1 });
    breakIt();
    await run('try_it');
    await expect.poll(() => told().length, soon).toBe(1);
    await run('try_it');
    await expect.poll(() => query(`select from notices where dispatched_at is null`), soon).toHaveLength(0);
    // An hour goes by.
    await query(
      `update deliveries set created_at = created_at - interval '1 hour', first_tried_at = first_tried_at - interval '1 hour' where receiver = $1`,
      [receiver.id],
    );
    await expect.poll(() => told().map(({ title }) => title.split(':')[0]), soon).toEqual(['Failed', 'Failed, still']);
    mendIt();
    await run('try_it');
    await expect.poll(() => told().length, soon).toBe(3);
    await query(`update deliveries set created_at = created_at - interval '2 hours' where receiver = $1`, [
      receiver.id,
    ]);
    await delay(3000);
    expect(told()).toHaveLength(3);
  }, 180_000);

  test.concurrent('waits in quiet hours, unless it is urgent', async ({ expect }) => {
    const around = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16);
    const quiet = { quiet_from: around(-2), quiet_until: around(2), time_zone: 'UTC' };
    const { project, receiver, told } = await scene(quiet);
    const raise = (event: string) =>
      query(
        `insert into notices (id, organisation, event, key, subject_kind, subject_id, subject_name, project, title, message)
         select $2 || id, organisation, $2, $2, 'project', id, name, id, '', '' from projects where id = $1`,
        [project.id, event],
      );
    await raise('drift_found');
    await raise('rollout_paused');
    await expect.poll(() => told().map(({ event }) => event), soon).toEqual(['rollout_paused']);
    expect((await messagesOf(receiver)).map(({ state }) => state).sort()).toEqual(['collecting', 'delivered']);
    await aegir.call('PATCH', `/api/receivers/${receiver.id}`, { values: { quiet_from: null, quiet_until: null } });
    await expect.poll(() => told().map(({ event }) => event), soon).toEqual(['rollout_paused', 'drift_found']);
  }, 120_000);

  test.concurrent('that is a chat gets a text', async ({ expect }) => {
    const { hook, receiver } = await scene({ type: 'chat' });
    await test204(receiver);
    await expect.poll(() => hook.got.map(({ body }) => Object.keys(JSON.parse(body))), soon).toEqual([['text']]);
    expect(JSON.parse(hook.got[0]?.body ?? '').text).toContain('This is a test of the Receiver');
  }, 120_000);

  test.concurrent('that has mail addresses gets it by a server that was away, once, in the thread of its trouble', async ({
    expect,
  }) => {
    const addresses = ['ada@example.org', 'bob@example.org'];
    const { receiver, run, name, breakIt, mendIt } = await scene({ type: 'email', url: undefined, addresses });
    await smtp.end();
    const awaySince = Date.now();
    breakIt();
    await run('try_it');
    mendIt();
    await expect.poll(async () => (await messagesOf(receiver))[0]?.attempts, soon).toBeGreaterThan(1);
    expect((await messagesOf(receiver))[0]).toMatchObject({
      state: 'sending',
      answer: expect.stringContaining('ECONNREFUSED'),
    });
    const aMinute = { timeout: 90_000, interval: 500 };
    await expect.poll(() => Date.now() - awaySince, aMinute).toBeGreaterThan(60_000);
    await smtp.begin();
    await expect.poll(async () => (await messagesOf(receiver))[0]?.state, { timeout: 120_000 }).toBe('delivered');
    await run('try_it');
    await expect.poll(() => smtp.mails.length, soon).toBe(2);
    const [failed, recovered] = smtp.mails;
    expect(failed).toMatchObject({ from: 'aegir@example.org', to: addresses });
    expect(failed?.text).toMatch(new RegExp(`^Subject: \\[Aegir\\] Failed: try_it of ${name}$`, 'm'));
    expect(recovered?.text).toMatch(new RegExp(`^Subject: \\[Aegir\\] Recovered: try_it of ${name}$`, 'm'));
    const thread = (text = '') => /^References: (\S+)/m.exec(text)?.[1];
    expect(thread(failed?.text)).toBeTruthy();
    expect(thread(recovered?.text)).toBe(thread(failed?.text));
  }, 240_000);

  test('gets a message a second time, with its id, from the next worker when one dies before it was noted', async () => {
    const { hook, receiver } = await scene();
    const held = Promise.withResolvers<void>();
    hook.answer(() => held.resolve());
    await test204(receiver);
    await held.promise;
    process.kill(worker.pid, 'SIGKILL');
    hook.answer(response => response.writeHead(204).end());
    worker = await aegir.startWorker();
    await expect.poll(async () => (await messagesOf(receiver))[0]?.state, soon).toBe('delivered');
    expect(hook.got.length).toBeGreaterThan(1);
    expect(new Set(hook.got.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
  }, 120_000);

  test('is told of what happened while no worker was there', async () => {
    const { project, told } = await scene();
    await worker.stop();
    await query(
      `insert into notices (id, organisation, event, key, subject_kind, subject_id, subject_name, project, title, message)
       select 'A' || id, organisation, 'drift_found', 'drift', 'project', id, name, id, '', 'Three differences.' from projects where id = $1`,
      [project.id],
    );
    worker = await aegir.startWorker();
    await expect.poll(() => told().map(({ title }) => title), soon).toEqual([`Drift found: ${project.values.name}`]);
  }, 120_000);
});

test('wrong fields are refused, all of them', async () => {
  const { status, body } = await aegir.call<{ problems: { path: string }[] }>('POST', '/api/receivers', {
    values: {
      ...{ name: 'bad', type: 'webhook', url: 'ftp://x', signing_secret: 'short', time_zone: 'Mars/Base' },
      ...{ quiet_from: '25:00', quiet_until: '7', repeat_hours: 0, events: ['nothing'] },
    },
  });
  expect(status).toBe(422);
  expect(body.problems.map(({ path }) => path).sort()).toEqual(
    ['events.0', 'quiet_from', 'quiet_until', 'repeat_hours', 'signing_secret', 'time_zone', 'url'].map(
      path => `values.${path}`,
    ),
  );
});

test('no address, signing secret or password is in a row, a log or the engine', async () => {
  const secrets: Record<string, string> = { password: smtp.password };
  for (let index = 1; index <= projects; index += 1) secrets[`address ${index}`] = `s3cret-Part-${index}`;
  const found: string[] = [];
  for (const [table, text] of await readTables(aegir.databaseUrl))
    found.push(...findSecrets(text, secrets).map(way => `${table}: ${way}`));
  for (const [file, text] of readFiles(join(aegir.home, 'logs'), () => true))
    found.push(...findSecrets(text, secrets).map(way => `${file}: ${way}`));
  expect(found).toEqual([]);
  expect(readFileSync(join(types.path, 'smtp-password'), 'utf8')).toContain(smtp.password);
});
