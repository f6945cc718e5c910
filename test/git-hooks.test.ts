// What git servers report by webhook: who is believed, what is left alone, and that nothing is done twice or backwards.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OperationSummary, OperationView, Page } from '../api/contract.ts';
import type { PushPage, PushView } from '../api/contract-pushes.ts';
import type { Entity } from '../model/entities.ts';
import { isOver } from '../model/run.ts';
import { type HookAnswer, type HookSender, pushOf, sendHook } from './git-hook-sender.ts';
import { commitFiles, type GitServer, startGitServer } from './git-server.ts';
import { type Aegir, startAegir } from './harness.ts';

const repositories = mkdtempSync(join(tmpdir(), 'aegir-repositories-'));
const soon = { timeout: 60_000, interval: 200 };
let aegir: Aegir;
let git: GitServer;
let project: Entity;
let environment: Entity;
let sender: HookSender;
let old: string;
let tip: string;

async function make(plural: string, values: Record<string, unknown>): Promise<Entity> {
  const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

const pushes = async () => (await aegir.call<PushPage>('GET', `/api/projects/${project.id}/pushes`)).body;
const pushWith = async (id: string) => (await pushes()).items.find(push => push.id === id) as PushView;
const operations = async () => (await aegir.call<Page<OperationSummary>>('GET', '/api/operations')).body.items;
const releases = async () => (await aegir.call<Page<Entity>>('GET', '/api/releases')).body.items;

async function query(text: string, values: unknown[]): Promise<void> {
  const client = new pg.Client({ connectionString: aegir.databaseUrl });
  await client.connect();
  await client.query(text, values).finally(() => client.end());
}

beforeAll(async () => {
  git = await startGitServer(repositories);
  old = await commitFiles(join(repositories, 'site'), { 'index.html': 'one' });
  tip = await commitFiles(join(repositories, 'site'), { 'index.html': 'two' });
  aegir = await startAegir();
  const store = join(aegir.home, 'store');
  await make('backup_stores', { name: 'store', type: 'directory', folder: store });
  await make('clusters', { name: 'farm', kind: 'servers', backup_store: 'store' });
  await make('servers', { name: 'web', cluster: 'farm', connection: 'local', base_path: join(aegir.home, 'base') });
  const repository = `${git.url}/site`;
  project = await make('projects', { name: 'site', repository, application: 'static' });
  await make('releases', { name: 'first', project: 'site', git_ref: old });
  const place = { release: 'site/first', web_server: 'web', primary_name: 'site.example.org' };
  environment = await make('environments', { name: 'site', follow_branch: 'main', ...place });
  const made = await aegir.call<{ secret: string }>('POST', `/api/projects/${project.id}/secrets/webhook_secret`);
  expect(made.status).toBe(201);
  sender = { url: (await pushes()).url.replace(/^https?:\/\/[^/]+/, aegir.url), secret: made.body.secret, repository };
});

afterAll(async () => {
  await aegir?.stop();
  await git?.stop();
  rmSync(repositories, { recursive: true, force: true });
});

const pushNow = (commit: string, options = {}, branch = 'main') =>
  sendHook(sender, pushOf(sender.repository, branch, commit), options);

test('without the secret nothing is believed, and one line says so, however many come', async () => {
  for (const provider of ['github', 'github', 'gitea', 'gitlab'] as const) {
    const { status, body } = await pushNow(tip, { provider, signature: 'f'.repeat(64) });
    expect(status).toBe(403);
    expect(body.detail).toBe('The signature is wrong, or the Project takes no webhooks.');
  }
  const nobody = { ...sender, url: sender.url.replace(/[^/]+$/, 'nobody') };
  expect(await sendHook(nobody, {})).toMatchObject({
    status: 403,
    body: { detail: expect.stringContaining('wrong, or') },
  });
  expect((await sendHook({ ...sender, secret: '' }, {})).status).toBe(403);
  const { items } = await pushes();
  expect(items.map(({ provider, state, count }) => [provider, state, count]).sort()).toEqual([
    ['gitea', 'refused', 1],
    ['github', 'refused', 3],
    ['gitlab', 'refused', 1],
  ]);
  expect(items[0]?.message).toContain('The signature is wrong');
  expect(await operations()).toEqual([]);
});

test('what is none of a git server, or no JSON, is refused in words', async () => {
  const plain = await fetch(sender.url, { method: 'POST', body: '{}' });
  expect([plain.status, ((await plain.json()) as { detail: string }).detail]).toEqual([
    422,
    'This is for webhooks of GitHub, GitLab and Gitea; none of their headers is there.',
  ]);
  const form = await sendHook(sender, null, { body: 'payload=%7B%7D' });
  expect([form.status, form.body.detail]).toEqual([422, expect.stringContaining('application/json')]);
  const large = await sendHook(sender, null, { body: ' '.repeat(3 * 1024 * 1024) });
  expect([large.status, large.body.detail]).toEqual([422, 'The request is larger than 2 MiB.']);
});

test('what is not for an Environment is left alone, and says why', async () => {
  const cases: [Promise<{ status: number; body: { state: string; message: string } }>, string, RegExp][] = [
    [sendHook(sender, {}, { event: 'ping' }), 'ignored', /reaches Aegir/],
    [sendHook(sender, { ...pushOf(sender.repository, 'main', tip), ref: 'refs/tags/v1' }), 'ignored', /Not a branch/],
    [pushNow('0'.repeat(40)), 'ignored', /was deleted/],
    [sendHook(sender, pushOf('https://elsewhere.example.org/site', 'main', tip)), 'refused', /another repository/],
  ];
  for (const [answer, state, words] of cases)
    expect(await answer).toMatchObject({ status: 202, body: { state, message: expect.stringMatching(words) } });
  const { body } = await pushNow(tip, {}, 'other');
  await expect
    .poll(async () => (await pushWith(body.id)).message, soon)
    .toBe('No Environment follows the branch other.');
  expect(await operations()).toEqual([]);
});

test('an older push that arrives late changes nothing', async () => {
  await query(`update environments set state = 'enabled', deployed_hash = $2 where id = $1`, [environment.id, tip]);
  const { body } = await pushNow(old, { provider: 'gitea' });
  await expect.poll(async () => (await pushWith(body.id)).state, soon).toBe('done');
  expect((await pushWith(body.id)).message).toBe(
    `The branch pointed to ${tip.slice(0, 10)} by then. site: It has this commit already.`,
  );
  const [looked, ...others] = await operations();
  expect(looked).toMatchObject({ type: 'find_branch', startedBy: 'webhook of site', reason: 'push to main by ada' });
  expect(others).toEqual([]);
  expect(await releases()).toHaveLength(1);
});

test('a push makes a Release of its commit and starts the Update, once, whoever repeats it', async () => {
  await query(`update environments set state = 'enabled', deployed_hash = $2, path = '/nowhere' where id = $1`, [
    environment.id,
    old,
  ]);
  const before = (await operations()).length;
  const delivery = 'the same';
  const first = await pushNow(tip, { delivery, provider: 'gitlab', event: 'Push Hook' });
  const answers = await Promise.all(
    [1, 2, 3].map(() => pushNow(tip, { delivery, provider: 'gitlab', event: 'Push Hook' })),
  );
  expect(new Set([first, ...answers].map(({ body }) => body.id)).size).toBe(1);
  const updating = async () => (await pushWith(first.body.id)).state;
  await expect.poll(updating, soon).toBe('updating');
  const push = await pushWith(first.body.id);
  expect(push).toMatchObject({ count: 4, branch: 'main', commit: tip, pusher: 'ada' });
  const made = (await releases()).filter(({ values }) => values.git_ref === tip);
  expect(made.map(({ id, values, state }) => [id, values.name, values.hash, state])).toEqual([
    [push.release, `main-${tip.slice(0, 10)}`, tip, 'verified'],
  ]);
  // Here the site is nowhere: it asks, and is told to stop.
  const update = (await operations()).find(({ type }) => type === 'update_environment') as OperationSummary;
  expect(update).toMatchObject({ startedBy: 'webhook of site', subject: { id: environment.id } });
  const view = (await aegir.call<OperationView>('GET', `/api/operations/${update.id}`)).body;
  expect(view.input.release).toBe(push.release);
  // Another one for the same commit meanwhile finds the Release, and builds nothing again.
  const again = await pushNow(tip);
  await expect.poll(async () => (await pushWith(again.body.id)).state, soon).toBe('updating');
  expect((await releases()).filter(({ values }) => values.git_ref === tip)).toHaveLength(1);
  const open = async () => (await operations()).filter(({ state }) => !isOver(state));
  // The word of this answers its question, too.
  for (const { id } of await open()) await aegir.call('POST', `/api/operations/${id}/cancel?choice=leave`);
  await expect.poll(open, soon).toEqual([]);
  await expect.poll(updating, soon).toBe('failed');
  expect((await pushWith(first.body.id)).message).toMatch(/^site: the Update was (failed|cancelled)\.$/);
  const types = (await operations()).slice(0, -before).map(({ type }) => type);
  expect(types.filter(type => type === 'build_release')).toHaveLength(1);
}, 180_000);

test('pushes that come while one is looked at are one', async () => {
  await query(`update environments set state = 'enabled', deployed_hash = $2 where id = $1`, [environment.id, tip]);
  const answers: HookAnswer[] = [];
  for (let index = 0; index < 6; index += 1) answers.push(await pushNow(tip));
  const states = async () => {
    const { items } = await pushes();
    return answers.map(({ body }) => items.find(({ id }) => id === body.id)?.state);
  };
  await expect
    .poll(async () => (await states()).every(state => state === 'done' || state === 'ignored'), soon)
    .toBe(true);
  const done = (await states()).filter(state => state === 'done');
  expect(done.length).toBeLessThanOrEqual(2);
  expect((await states()).at(-1)).toBe('done');
}, 120_000);

test('a locked Release stays, and a branch that is gone is said', async () => {
  await query(`update environments set deployed_hash = $2 where id = $1`, [environment.id, old]);
  const { values } = (await aegir.call<Entity>('GET', `/api/environments/${environment.id}`)).body;
  await query(`update releases set locked = true where id = $1`, [values.release]);
  const { body } = await pushNow(tip);
  await expect
    .poll(async () => (await pushWith(body.id)).message, soon)
    .toBe('site: Its Release is locked: it stays as it is.');
  await aegir.call('PATCH', `/api/environments/${environment.id}`, { values: { follow_branch: 'gone' } });
  const gone = await pushNow(tip, {}, 'gone');
  await expect.poll(async () => (await pushWith(gone.body.id)).state, soon).toBe('failed');
  expect((await pushWith(gone.body.id)).message).toContain('no branch “gone” any more');
}, 120_000);
