// Records the engine's histories that workflows/histories.test.ts replays: real Operations, locks and Actions, one of each
// kind. `node test/record-histories.ts` writes all of them anew, which is for a format that nothing under way has any more;
// `node test/record-histories.ts schedules` only those of the scenes that are named.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Client, Connection } from '@temporalio/client';
import { defaultPayloadConverter, type Payload, type PayloadCodec } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { OperationView, Page } from '../api/contract.ts';
import type { DeliveryView } from '../api/contract-deliveries.ts';
import type { RolloutView } from '../api/contract-rollouts.ts';
import type { ScheduledRunView } from '../api/contract-schedules.ts';
import type { Entity } from '../model/entities.ts';
import { deliveryWorkflowId } from '../model/notices.ts';
import { scheduledWorkflowType } from '../model/schedule.ts';
import { openKeyRing } from '../secrets/key-ring.ts';
import { createPayloadCodec } from '../secrets/payload-codec.ts';
import { startTestPostgres, startTestTemporal } from './engines.ts';
import { type Aegir, type Engines, startAegir } from './harness.ts';
import { startHookReceiver } from './hook-receiver.ts';
import { clientWithKey } from './sealed.ts';
import { makeTypeFolder, type TypeFolder } from './task-types.ts';

const installation = join(import.meta.dirname, '..');
const recorded = join(installation, 'workflows', 'histories');

interface Stage {
  aegir: Aegir;
  client: Client;
  types: TypeFolder;
  project: Entity;
  /** @param run of the engine; left out = the newest. */
  record(name: string, workflowId: string, run?: string): Promise<void>;
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-record-'));
  const types = makeTypeFolder();
  const ends: (() => Promise<void>)[] = [];
  try {
    const engines = await startEngines(folder, ends);
    makeTypes(types);
    const aegir = await startAegir({ types: types.path, engines });
    ends.push(() => aegir.stop());
    const connection = await Connection.connect({ address: engines.temporalAddress });
    ends.push(() => connection.close());
    const client = clientWithKey(aegir, connection);
    const values = { name: 'site', repository: 'https://example.org/site.git', application: 'static' };
    const project = (await aegir.call<Entity>('POST', '/api/projects', { values })).body;
    const chosen = process.argv.slice(2);
    if (chosen.length === 0) rmSync(recorded, { recursive: true, force: true });
    mkdirSync(recorded, { recursive: true });
    const paths = [aegir.home, types.path, folder, installation, hostname()];
    const record: Stage['record'] = async (name, id, run) => {
      const json = historyToJSON(await client.workflow.getHandle(id, run).fetchHistory());
      const history = JSON.parse(json) as { events: object[] };
      const codec = createPayloadCodec(openKeyRing({ file: join(aegir.home, 'secret.key') }, () => {}));
      const events = await Promise.all(history.events.map(event => openEvent(event, codec, paths)));
      const lines = [{ workflowId: id }, ...events].map(line => `${JSON.stringify(line)}\n`);
      writeFileSync(join(recorded, `${name}.jsonl`), lines.join(''));
      console.log(`${name}: ${events.length} events`);
    };
    for (const [name, scene] of Object.entries(scenes))
      if (chosen.length === 0 || chosen.includes(name)) await scene({ aegir, client, types, project, record });
  } finally {
    for (const end of ends.reverse()) await end();
    types.remove();
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${readdirSync(recorded).length} histories in workflows/histories/`);
}

async function startEngines(folder: string, ends: (() => Promise<void>)[]): Promise<Engines> {
  const postgres = await startTestPostgres(folder, { durable: false });
  ends.push(() => postgres.stop());
  const temporal = await startTestTemporal(folder, {
    // Locks that go on as new runs, and an Action as a workflow.
    dynamicConfiguration: ['limit.historyCount.suggestContinueAsNew=10', 'activity.enableStandalone=false'],
  });
  ends.push(() => temporal.stop());
  return { databaseUrl: postgres.url, temporalAddress: temporal.address };
}

function makeTypes(types: TypeFolder): void {
  const options = 'word: {type: str, description: A word, default: plain}';
  const made = 'outputs: {made: {type: str, help: What}}\n';
  const failing = (name: string) => `if [ -e ${types.path}/broken-${name} ]; then echo "It is broken."; exit 7; fi`;
  const outputs = `echo '{"made": "thing"}' > "$AEGIR_OUTPUTS"`;
  types.shellTask('make_thing', `cat >/dev/null; ${outputs}`, { options, meta: `${made}undo: take_back\n` });
  types.shellTask('take_back', failing('undo'), { options: 'made: {type: str, description: What, required: true}' });
  types.shellTask('fail_now', `cat >/dev/null; ${failing('step')}; ${outputs}`, { options, meta: made });
  types.shellTask('hold_on', `until [ -e ${types.path}/go ]; do sleep 0.05; done`);
  const thing = '{id: thing, task: make_thing}';
  const bad = '{id: bad, task: fail_now, with: {word: $steps.thing.made}}';
  types.operation('straight', 'project', `[${thing}, {id: again, task: fail_now, with: {word: $steps.thing.made}}]`);
  types.operation('shaky', 'project', `[${thing}, {id: bad, task: fail_now, skippable: true}]`);
  types.operation('patient', 'project', `[${thing}, ${bad}]`, 'on_failure: {choose: undo, after_hours: 8}\n');
  types.operation('resolute', 'project', `[${thing}, ${bad}]`, 'on_failure: {choose: undo}\n');
  types.operation(
    'together',
    'project',
    `[{id: both, parallel: [{id: one, task: make_thing}, {id: bad, task: fail_now}]}]`,
  );
  types.operation('outer', 'project', '[{id: first, task: make_thing}, {id: nested, operation: shaky}]');
  types.operation('long', 'project', `[${thing}, {id: wait, task: hold_on}]`);
  types.operation('alone', 'project', '[{id: wait, task: hold_on}]', 'locks: {project: exclusive}\n');
  types.operation('beside', 'project', '[{id: wait, task: hold_on}]', 'locks: {project: shared}\n');
  // Without Terraform the plan is a problem that is told: the run asks the same of the engine.
  types.terraformTask('plan_thing', 'variable "word" { default = "plain" }\n', { options });
  types.operation('planned', 'project', `[${thing}, {id: plan, task: plan_thing}]`);
  types.operation('show_thing', 'project', '[{id: only, task: make_thing}]', 'action: true\n');
}

const start = async ({ aegir, project }: Stage, type: string) => {
  const { status, body } = await aegir.call<OperationView>('POST', `/api/projects/${project.id}/operations`, { type });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body.id;
};
const view = async ({ aegir }: Stage, id: string) =>
  (await aegir.call<OperationView>('GET', `/api/operations/${id}`)).body;
const quiet = async (stage: Stage, type: string) => stage.aegir.waitUntilQuiet(await start(stage, type));
const broken = (stage: Stage, name: string, is: boolean) => {
  const file = join(stage.types.path, `broken-${name}`);
  if (is) writeFileSync(file, '');
  else rmSync(file, { force: true });
};
const decided = async (
  stage: Stage,
  of: OperationView,
  ...decision: ['retry' | 'skip' | 'undo' | 'leave', object?]
) => {
  const [choice, inputs = {}] = decision;
  await stage.aegir.decide(of, choice, inputs as Record<string, Record<string, unknown>>);
  return stage.aegir.waitUntilQuiet(of.id);
};
async function until(what: string, check: () => Promise<boolean> | boolean): Promise<void> {
  for (let left = 1200; !(await check()); left -= 1) {
    if (left === 0) throw new Error(`In vain: ${what}`);
    await delay(100);
  }
}

const scenes: Record<string, (stage: Stage) => Promise<void>> = {
  async delivery(stage) {
    const { aegir } = stage;
    const hook = await startHookReceiver();
    hook.answer(response => response.writeHead(500).end());
    const values = { name: 'recorder', type: 'webhook', url: hook.url };
    const { id: receiver } = (await aegir.call<Entity>('POST', '/api/receivers', { values })).body;
    const { id } = (await aegir.call<DeliveryView>('POST', `/api/receivers/${receiver}/test`)).body;
    await until('it was tried again', () => hook.got.length === 2);
    hook.answer(response => response.writeHead(204).end());
    const workflow = deliveryWorkflowId(id);
    const run = (await stage.client.workflow.getHandle(workflow).describe()).runId;
    await aegir.call('POST', `/api/deliveries/${id}/again`);
    const status = async () => (await stage.client.workflow.getHandle(workflow).describe()).status.name;
    await until('it was delivered', async () => (await status()) === 'COMPLETED');
    await stage.record('delivery', workflow, run);
    await hook.stop();
    await aegir.call('DELETE', `/api/receivers/${receiver}`);
  },
  async straight(stage) {
    await stage.record('succeeded', (await quiet(stage, 'straight')).id);
    const path = `/api/projects/${stage.project.id}/actions`;
    await stage.aegir.call('POST', path, { type: 'show_thing' });
    const runs = await Array.fromAsync(stage.client.workflow.list({ query: `WorkflowType = 'show_thing'` }));
    await stage.record('action', runs[0]?.workflowId ?? '');
  },
  async asking(stage) {
    broken(stage, 'step', true);
    const parked = await quiet(stage, 'shaky');
    await stage.record('parked', parked.id);
    const nested = await quiet(stage, 'outer');
    const waiting = await quiet(stage, 'patient');
    await stage.record('parked-with-policy', waiting.id);
    await stage.record('policy-undo', (await quiet(stage, 'resolute')).id);
    await stage.record('skipped', (await decided(stage, await quiet(stage, 'shaky'), 'skip')).id);
    const left = await decided(stage, await quiet(stage, 'shaky'), 'leave');
    await stage.record('left', left.id);
    const beside = await quiet(stage, 'together');
    broken(stage, 'undo', true);
    const stuck = await decided(stage, await quiet(stage, 'shaky'), 'undo');
    broken(stage, 'undo', false);
    await stage.record('undone', (await decided(stage, stuck, 'retry')).id);
    const undone = await decided(stage, nested, 'undo');
    await stage.record('nested-outer', undone.id);
    await stage.record('nested-inner', undone.children[0]?.id ?? '');
    broken(stage, 'step', false);
    const task = parked.attentions[0]?.failed[0]?.id ?? '';
    await stage.record('retried', (await decided(stage, parked, 'retry', { [task]: { word: 'other' } })).id);
    await stage.record('parallel', (await decided(stage, beside, 'retry')).id);
    await stage.aegir.call('POST', `/api/operations/${left.id}/resume`, {});
    await stage.record('resumed', (await stage.aegir.waitUntilQuiet(left.id)).id);
    await decided(stage, waiting, 'leave');
  },
  async cancelled(stage) {
    const id = await start(stage, 'long');
    await until('it runs', async () =>
      (await view(stage, id)).tasks.some(task => task.step === 'wait' && task.state === 'running'),
    );
    await stage.aegir.call('POST', `/api/operations/${id}/cancel?choice=ask`);
    const asks = await stage.aegir.waitUntilQuiet(id);
    await stage.record('cancelled', (await decided(stage, asks, 'undo')).id);
  },
  async schedules(stage) {
    const values = { name: 'often', operation_type: 'straight', every: '5s' };
    const { body } = await stage.aegir.call<Entity>('POST', '/api/schedules', { values });
    let operation = '';
    await until('its time comes', async () => {
      const runs = await stage.aegir.call<Page<ScheduledRunView>>('GET', '/api/scheduled-runs');
      operation = runs.body.items[0]?.operation ?? '';
      return operation !== '';
    });
    await stage.aegir.call('DELETE', `/api/schedules/${body.id}`);
    const runs = stage.client.workflow.list({ query: `WorkflowType = '${scheduledWorkflowType}'` });
    const [run] = (await Array.fromAsync(runs)).reverse();
    await stage.aegir.waitUntilQuiet(operation);
    await stage.record('scheduled', run?.workflowId ?? '');
  },
  async approvals(stage) {
    const values = { name: 'all', operation_types: ['straight'] };
    await stage.aegir.call('POST', '/api/approval_rules', { values: { ...values, four_eyes: false } });
    const [approved, rejected] = [await start(stage, 'straight'), await start(stage, 'straight')];
    await stage.aegir.decide(await stage.aegir.waitUntilQuiet(approved), 'approve');
    await stage.aegir.waitUntilQuiet(approved);
    await stage.record('approved', approved);
    const { attentions } = await stage.aegir.waitUntilQuiet(rejected);
    const body = { attention: attentions[0]?.id, choice: 'reject', reason: 'no' };
    await stage.aegir.call('POST', `/api/operations/${rejected}/decisions`, body);
    await stage.aegir.waitUntilQuiet(rejected);
    await stage.record('rejected', rejected);
    await stage.aegir.call('DELETE', '/api/approval_rules/all');
  },
  async plans(stage) {
    const values = { name: 'shown', operation_types: ['planned'], four_eyes: false };
    await stage.aegir.call('POST', '/api/approval_rules', { values });
    const id = await start(stage, 'planned');
    await stage.aegir.decide(await stage.aegir.waitUntilQuiet(id), 'approve');
    await stage.aegir.waitUntilQuiet(id);
    await stage.record('planned', id);
    await stage.aegir.call('DELETE', '/api/approval_rules/shown');
  },
  async rollouts(stage) {
    const values = { operation_type: 'straight', gate_approval: true, waves: ['1', 'rest'] };
    const more = { name: 'second', repository: 'https://example.org/second.git', application: 'static' };
    await stage.aegir.call('POST', '/api/projects', { values: more });
    const { body } = await stage.aegir.call<RolloutView>('POST', '/api/rollouts', { values });
    const state = async () => (await stage.aegir.call<RolloutView>('GET', `/api/rollouts/${body.id}`)).body.state;
    await until('it waits for somebody', async () => (await state()) === 'waiting');
    await stage.aegir.call('POST', `/api/rollouts/${body.id}/approve`, {});
    const run = stage.client.workflow.getHandle(`rollout-${body.id}`);
    await until('it is over', async () => (await run.describe()).status.name === 'COMPLETED');
    await stage.record('rollout', run.workflowId);
  },
  async locks(stage) {
    const first = await start(stage, 'alone');
    await until('it has the lock', async () => (await view(stage, first)).state === 'running');
    const others = [await start(stage, 'beside'), await start(stage, 'beside'), await start(stage, 'alone')];
    const runOf = async (id: string) => (await stage.client.workflow.getHandle(id).describe()).runId;
    const lock = `lock-project-${stage.project.id}`;
    const [waiting = ''] = others;
    const before = { lock: await runOf(lock), waiting: await runOf(waiting) };
    await until(
      'all go on as new runs',
      async () => (await runOf(lock)) !== before.lock && (await runOf(waiting)) !== before.waiting,
    );
    await stage.record('lock-goes-on', lock, before.lock);
    await stage.record('waiting-goes-on', waiting, before.waiting);
    const cancelled = await start(stage, 'alone');
    await until('it waits', async () => (await view(stage, cancelled)).claims.length > 0);
    await stage.aegir.call('POST', `/api/operations/${cancelled}/cancel`);
    await stage.aegir.waitUntilQuiet(cancelled);
    await stage.record('cancelled-in-queue', cancelled);
    await stage.client.workflow.getHandle(first).terminate('by hand');
    await until('a dead holder is found', async () => (await view(stage, waiting)).state === 'running');
    writeFileSync(join(stage.types.path, 'go'), '');
    for (const id of others) await stage.aegir.waitUntilQuiet(id);
    await stage.record('waited', waiting);
    await until(
      'the lock ends',
      async () => (await stage.client.workflow.getHandle(lock).describe()).status.name === 'COMPLETED',
    );
    const runs = stage.client.workflow.list({ query: `WorkflowId = '${lock}'` });
    const last = (await Array.fromAsync(runs)).slice(0, 4).reverse();
    for (const [index, { runId }] of last.entries()) await stage.record(`lock-${index + 1}`, lock, runId);
  },
};

/** Without what only the machine of the recording has; payloads are opened: what seals them is not the workflows' business. */
async function openEvent(event: object, codec: PayloadCodec, paths: string[]): Promise<object> {
  const opened = (await openWithin(event, codec, paths)) as Record<string, unknown>;
  for (const name of ['taskId', 'version']) delete opened[name];
  return opened;
}

async function openWithin(value: unknown, codec: PayloadCodec, paths: string[]): Promise<unknown> {
  if (Array.isArray(value)) return Promise.all(value.map(entry => openWithin(entry, codec, paths)));
  if (typeof value !== 'object' || value === null) return value;
  if (isSealed(value)) return openPayload(value, codec, paths);
  const entries = Object.entries(value).filter(([name]) => name !== 'identity' && name !== 'requestId');
  return Object.fromEntries(
    await Promise.all(entries.map(async ([name, inner]) => [name, await openWithin(inner, codec, paths)])),
  );
}

interface JsonPayload {
  metadata: Record<string, string>;
  data: string;
}

function isSealed(value: object): value is JsonPayload {
  const { metadata } = value as Partial<JsonPayload>;
  return Buffer.from(metadata?.encoding ?? '', 'base64').toString() === 'binary/aegir-sealed';
}

async function openPayload(
  { metadata, data }: JsonPayload,
  codec: PayloadCodec,
  paths: string[],
): Promise<JsonPayload> {
  const bytes = Object.entries(metadata).map(([name, text]) => [name, Buffer.from(text, 'base64')]);
  const sealed: Payload = { metadata: Object.fromEntries(bytes), data: Buffer.from(data, 'base64') };
  const [opened] = await codec.decode([sealed]);
  const content: unknown = opened && defaultPayloadConverter.fromPayload(opened);
  const json = paths.reduce((text, path) => text.replaceAll(path, 'PATH'), JSON.stringify(withoutStack(content)) ?? '');
  const clean = json ? defaultPayloadConverter.toPayload(JSON.parse(json)) : opened;
  return {
    metadata: { encoding: Buffer.from(clean?.metadata?.encoding ?? []).toString('base64') },
    data: Buffer.from(clean?.data ?? []).toString('base64'),
  };
}

function withoutStack(content: unknown): unknown {
  return typeof content === 'object' && content && 'stack_trace' in content ? { ...content, stack_trace: '' } : content;
}

await main();
