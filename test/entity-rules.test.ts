// What may be changed, taken and deleted of the model, and what says no by name: locked and current Releases, what is in use.

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EntityView, FormView, ListedEntity, OperationTypeOffer, Page, ProblemJson } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { aegirCommand } from './cli.ts';
import { type Aegir, startAegir } from './harness.ts';

let aegir: Aegir;
let database: pg.Client;

type Values = Record<string, unknown>;

async function make(plural: string, values: Values): Promise<Entity> {
  const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

/** Status and words of a refusal. */
async function refusal(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<string> {
  const answer = await aegir.call<ProblemJson>(method, path, body);
  return `${answer.status} ${answer.body?.problems?.map(problem => problem.message).join(' ') || answer.body?.detail}`;
}

async function edit(path: string, values: Values): Promise<void> {
  const { status, body } = await aegir.call('PATCH', path, { values });
  expect(status, JSON.stringify(body)).toBe(200);
}

async function offer(path: string, name: string): Promise<string | undefined> {
  const { body } = await aegir.call<OperationTypeOffer[]>('GET', `${path}/operation-types`);
  return body.find(entry => entry.name === name)?.reason;
}

const environment = (name: string, more: Values = {}) => ({
  ...{ name, release: 'shop/v1', web_server: 'web', primary_name: `${name}.example.org` },
  ...more,
});
const v1 = '/api/releases/shop%2Fv1';
const v2 = '/api/releases/shop%2Fv2';

beforeAll(async () => {
  aegir = await startAegir();
  database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
  await make('clusters', { name: 'farm', kind: 'servers' });
  await make('servers', { name: 'web', cluster: 'farm', connection: 'local' });
  for (const name of ['shop', 'other']) {
    await make('projects', { name, repository: 'https://example.org/shop.git', application: 'static' });
    for (const release of ['v1', 'v2']) await make('releases', { name: release, project: name, git_ref: 'main' });
  }
  await make('environments', environment('blog'));
});

afterAll(async () => {
  await database?.end();
  await aegir?.stop();
});

test('an Environment behind its Project’s current Release says so, in the list, on its page and in the terminal', async () => {
  const { body: current } = await aegir.call<EntityView>('GET', v2);
  const update = { id: current.id, name: 'v2' };
  const views = async () => {
    const list = (await aegir.call<Page<ListedEntity>>('GET', '/api/environments')).body.items;
    const own = (await aegir.call<EntityView>('GET', '/api/environments/blog')).body;
    const release = (await aegir.call<EntityView>('GET', v1)).body.referredBy.environment;
    return [list[0]?.update, own.update, release?.[0]?.update];
  };
  expect(await views()).toEqual([null, null, null]);
  const { body: foreign } = await aegir.call<EntityView>('GET', '/api/releases/other%2Fv2');
  const wrong = { values: { current_release: foreign.id } };
  expect(await refusal('PATCH', '/api/projects/shop', wrong)).toBe('422 v2 is no Release of this Project.');
  await edit('/api/projects/shop', { current_release: current.id });
  expect(await views()).toEqual([update, update, update]);
  for (const words of [['list'], ['show', 'blog']]) {
    expect((await aegirCommand(aegir, 'environment', ...words)).stdout).toMatch(/update available.*v2/is);
  }
  // A Project and its Release name each other: what follows references comes to an end.
  expect(await offer('/api/environments/blog', 'install_environment')).toBe('');
  await edit('/api/environments/blog', { release: 'shop/v2' });
  expect(await views().then(all => all.slice(0, 2))).toEqual([null, null]);
  await edit('/api/environments/blog', { release: 'shop/v1' });
  await edit(v2, { locked: true });
  expect(await views()).toEqual([null, null, null]);
  await edit(v2, { locked: false });
});

test('“Update” begins with the current Release, and takes neither the present one nor one of another Project', async () => {
  await database.query(`update environments set state = 'enabled' where name = 'blog'`);
  const blog = '/api/environments/blog';
  const { body: current } = await aegir.call<EntityView>('GET', v2);
  const { body: form } = await aegir.call<FormView>('GET', `${blog}/operation-types/update_environment/form`);
  expect(form.groups[0]?.fields).toMatchObject([{ name: 'release', default: current.id }]);
  const update = (release: string) =>
    refusal('POST', `${blog}/operations`, { type: 'update_environment', input: { release } });
  expect(await update('shop/v1')).toContain('The Release v1 is the present one: there is nothing to do.');
  expect(await update('other/v1')).toContain('The Release v1 is of another Project.');
  expect(await offer(blog, 'roll_back_environment')).toContain('There is no Release to go back to');
  await database.query(`update environments set previous_release = '${current.id}' where name = 'blog'`);
  expect(await offer(blog, 'roll_back_environment')).toBe('There is no backup of the previous Release any more.');
  await database.query(`update environments set previous_release = null, state = 'new' where name = 'blog'`);
});

test('a locked Release stays as it is, and is taken by nobody else; who has it goes on', async () => {
  await edit(v1, { locked: true });
  const locked = '409 This Release is locked. Edit it and take “Locked” away first.';
  expect(await refusal('PATCH', v1, { values: { git_ref: 'next' } })).toBe(locked);
  expect(await refusal('DELETE', v1)).toBe(locked);
  for (const type of ['build_release', 'delete_release']) {
    expect(await offer(v1, type)).toBe('This Release is locked.');
    const input = { server: 'web' };
    expect(await refusal('POST', `${v1}/operations`, { type, input })).toBe('409 This Release is locked.');
  }
  expect(await offer(v1, 'verify_release')).toBe('');
  const taken = '422 The Release v1 is locked: choose another one, or unlock it first.';
  expect(await refusal('POST', '/api/environments', { values: environment('late') })).toBe(taken);
  expect(await refusal('PATCH', '/api/projects/shop', { values: { current_release: 'shop/v1' } })).toBe(taken);
  await make('environments', environment('late', { release: 'shop/v2' }));
  expect(await refusal('PATCH', '/api/environments/late', { values: { release: 'shop/v1' } })).toBe(taken);
  await edit('/api/environments/blog', { release: 'shop/v1', upload_mb: 65 });
  expect(await offer('/api/environments/blog', 'install_environment')).toBe('');

  const { body: audit } = await aegir.call<Page<{ objectName: string; after: Values }>>('GET', '/api/audit');
  expect(audit.items).toContainEqual(
    expect.objectContaining({ objectName: 'v1', verb: 'edit', after: { locked: true }, actor: expect.any(String) }),
  );
  await edit(v1, { locked: false, git_ref: 'next' });
  expect(await offer(v1, 'build_release')).toBe('');
});

test('what is in use is not deleted, and who uses it is named; what is deleted is taken by nobody', async () => {
  const [server, release] = ['/api/servers/web', v1];
  expect(await refusal('DELETE', server)).toBe(
    '409 This Server is in use by the Environments blog, late. Delete or change these first.',
  );
  expect(await refusal('DELETE', release)).toContain('in use by the Environment blog.');
  expect(await refusal('DELETE', v2)).toContain('in use by the Project shop and the Environment late.');
  // As an Operation leaves it.
  await database.query(`update environments set state = 'deleted' where name = 'blog'`);
  await database.query(`insert into presences(release, server, path) select releases.id, servers.id, '/srv/v1'
    from releases, servers, projects where releases.name = 'v1' and project = projects.id and projects.name = 'shop'`);
  expect(await refusal('DELETE', release)).toBe(
    '409 The code of this Release lies on web. Run “Remove from a Server” for each first.',
  );
  expect((await aegir.call('DELETE', '/api/environments/late')).status).toBe(204);
  const gone = (await aegir.call<EntityView>('GET', server)).body;
  expect((await aegir.call('DELETE', server)).status).toBe(204);
  expect((await aegir.call('DELETE', release)).status).toBe(204);

  expect((await aegir.call('GET', server)).status).toBe(404);
  const byId = (await aegir.call<EntityView>('GET', `/api/servers/${gone.id}`)).body;
  expect([byId.state, byId.presences]).toEqual(['deleted', []]);
  expect(await refusal('DELETE', `/api/servers/${gone.id}`)).toBe('409 This Server is deleted already.');
  const taking = { values: environment('next', { release: 'other/v1', web_server: gone.id }) };
  expect(await refusal('POST', '/api/environments', taking)).toBe('422 The Server web is deleted.');
  await make('servers', { name: 'web', cluster: 'farm', connection: 'local' });
  await make('environments', environment('late', { release: 'other/v1' }));
});
