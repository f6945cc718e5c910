import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EntityView, Page, PlacementView, ProblemJson } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { aegirCommand } from './cli.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

const types = makeTypeFolder();
const GiB = 1024 ** 3;
let aegir: Aegir;
let database: pg.Client;

type Values = Record<string, unknown>;

async function make(plural: string, values: Values): Promise<Entity> {
  const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

function addServer(name: string, cluster: string, more: Values = {}): Promise<Entity> {
  return make('servers', { name, cluster, connection: 'local', ...more });
}

/** As a verify leaves it. */
async function setDisk(server: string, freeGiB: number): Promise<void> {
  const facts = JSON.stringify({ disk: { free_bytes: freeGiB * GiB } });
  await database.query(`update servers set facts = $1, state = 'verified' where name = $2`, [facts, server]);
}

const environment = (name: string, more: Values) => ({ name, primary_name: `${name}.example.org`, ...more });

async function refused(values: Values): Promise<string[]> {
  const { status, body } = await aegir.call<ProblemJson>('POST', '/api/environments', { values });
  expect(status, JSON.stringify(body)).toBe(422);
  return body.problems.map(({ path, message }) => `${path}: ${message}`);
}

function preview(values: Record<string, string>): Promise<PlacementView> {
  const query = new URLSearchParams(values);
  return aegir.call<PlacementView>('GET', `/api/placement?${query}`).then(answer => answer.body);
}

beforeAll(async () => {
  types.shellTask('install_toy', 'true');
  types.operation(
    'copy_it',
    'environment',
    '[{id: install, task: install_toy, on: target}]',
    'adds: {asks: [name, primary_name, kind, cluster], takes: [release, cluster]}\n',
  );
  const verbs = 'verbs: {install: install_toy}\n';
  for (const [name, more] of [
    ['plain', ''],
    ['needy', 'database: required\nphp: true\n'],
    ['choosy', 'database: optional\n'],
  ]) {
    types.put(`applications/${name}/application.yml`, `title: ${name}\ndescription: For tests.\n${verbs}${more}`);
  }
  aegir = await startAegir({ types: types.path });
  database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
  for (const name of ['farm', 'other', 'empty']) await make('clusters', { name, kind: 'servers' });
  await addServer('web-1', 'farm', { php_versions: ['8.2'] });
  await addServer('web-2', 'farm', { php_versions: ['8.2', '8.4'] });
  await addServer('db-1', 'farm', { web: false, database: true });
  await addServer('db-2', 'farm', { web: false, database: true });
  await addServer('stranger', 'other', { database: true });
  await setDisk('web-1', 10);
  await setDisk('web-2', 34);
  await setDisk('db-2', 5);
  for (const application of ['plain', 'needy', 'choosy']) {
    const project = { name: application, repository: 'https://example.org/site.git', application };
    await make('projects', project);
    await make('releases', { name: 'v1', project: application, git_ref: 'main' });
  }
});

afterAll(async () => {
  await database?.end();
  await aegir?.stop();
  types.remove();
});

describe('an Environment without chosen Servers', () => {
  test('comes to the web Server with most room and, when its application needs one, to a database Server', async () => {
    const ids = await serverIds();
    const { values } = await make('environments', environment('shop', { release: 'needy/v1', cluster: 'farm' }));
    expect(values).toMatchObject({
      web_server: ids['web-2'],
      database_server: ids['db-2'],
      placement: {
        web_server: 'web-2 has most room: 34 GiB free for 0 Environments; web-1: 10 GiB free for 0 Environments',
        database_server: 'db-2 has most room: 5 GiB free for 0 Environments; db-1: not verified yet, 0 Environments',
      },
    });
    const plain = await make('environments', environment('pages', { release: 'plain/v1', cluster: 'farm' }));
    expect(plain.values).toMatchObject({ web_server: ids['web-2'], database_server: null });
    const choosy = await make('environments', environment('app', { release: 'choosy/v1', cluster: 'farm' }));
    expect(choosy.values).toMatchObject({ web_server: ids['web-2'], database_server: null });
  });

  test('shares out by room for each: after some the other Server has more', async () => {
    const { values } = await make('environments', environment('pages-2', { release: 'plain/v1', cluster: 'farm' }));
    expect((values.placement as Values).web_server).toMatch(
      /^web-1 has most room: 10 GiB free for 0 Environments; web-2: 34/,
    );
  });

  test('with a PHP that no Server has is refused, and each one says why', async () => {
    const wanted = { release: 'needy/v1', cluster: 'farm', php_version: '8.5' };
    expect(await refused(environment('late', wanted))).toEqual([
      'values.web_server: No web server of farm can take it. Mend one of these, add another one, or choose another Cluster.',
      'values.web_server: web-1 has no PHP 8.5: it has 8.2.',
      'values.web_server: web-2 has no PHP 8.5: it has 8.2, 8.4.',
    ]);
    const { servers } = await preview({ ...wanted, php_version: '8.4' });
    expect(servers.map(({ name }) => name)).toEqual(['web-2', 'db-2']);
  });

  test('in no Cluster, or in one without Servers, is refused', async () => {
    expect(await refused(environment('lost', { release: 'plain/v1' }))).toEqual([
      'values.cluster: Choose a Cluster, or a web server.',
    ]);
    expect(await refused(environment('lost', { release: 'needy/v1', cluster: 'empty' }))).toEqual([
      'values.web_server: No Server of empty offers web. Add one that does, or choose another Cluster.',
      'values.database_server: No Server of empty offers databases. Add one that does, or choose another Cluster.',
    ]);
  });
});

describe('an Environment with chosen Servers', () => {
  test('belongs to their Cluster, and says that they were chosen', async () => {
    const chosen = { web_server: 'web-1', database_server: 'db-1' };
    const { id, values } = await make('environments', environment('blog', { release: 'needy/v1', ...chosen }));
    expect(values.placement).toEqual({ web_server: 'chosen by hand', database_server: 'chosen by hand' });
    const { body } = await aegir.call<EntityView>('GET', `/api/environments/${id}`);
    expect(body.references.cluster?.name).toBe('farm');
    const server = await aegir.call<EntityView>('GET', '/api/servers/db-1');
    expect(server.body.referredBy.environment?.map(entity => entity.values.name)).toEqual(['blog']);
  });

  test('of another Cluster, without the service or with a database for nothing is refused', async () => {
    const mixed = { release: 'needy/v1', web_server: 'web-1', database_server: 'stranger' };
    expect(await refused(environment('mixed', mixed))).toEqual([
      'values.database_server: stranger is in the Cluster other, not in farm.',
    ]);
    expect(await refused(environment('mixed', { release: 'plain/v1', cluster: 'other', web_server: 'web-1' }))).toEqual(
      ['values.web_server: web-1 is in the Cluster farm, not in other.'],
    );
    expect(await refused(environment('wrong', { release: 'needy/v1', web_server: 'db-1' }))).toEqual([
      'values.web_server: db-1 offers no web. Change that on its page, or choose another one.',
    ]);
    expect(
      await refused(environment('more', { release: 'plain/v1', web_server: 'web-1', database_server: 'db-1' })),
    ).toEqual(['values.database_server: “plain” uses no database: leave this empty.']);
  });

  test('moves by an edit as long as nothing of it lies there, and keeps the reason of what stays', async () => {
    const made = await make('environments', environment('mover', { release: 'needy/v1', cluster: 'farm' }));
    const edit = (values: Values) =>
      aegir.call<Entity & ProblemJson>('PATCH', `/api/environments/${made.id}`, { values });
    const moved = await edit({ database_server: 'db-1' });
    expect(moved.status, JSON.stringify(moved.body)).toBe(200);
    expect(moved.body.values.placement).toEqual({
      web_server: (made.values.placement as Values).web_server,
      database_server: 'chosen by hand',
    });
    expect((await edit({ web_server: 'stranger' })).body.problems.map(({ path }) => path)).toEqual([
      'values.web_server',
    ]);
    await database.query(`update environments set path = '/srv/x' where id = $1`, [made.id]);
    const other = (await serverIds())['web-1'] === made.values.web_server ? 'web-2' : 'web-1';
    const stuck = await edit({ web_server: other });
    expect(stuck.body.problems).toEqual([
      { path: 'values.web_server', message: 'It is installed there: run “Move”, or “Move the database”.' },
    ]);
  });
});

describe('an Environment on Kubernetes', () => {
  const onCluster = (name: string, more: Values) =>
    environment(name, { cluster: 'pods', release: 'needy/v1', ...more });

  test('has its database in the cluster, or on a Server of another Cluster that is chosen for it', async () => {
    for (const name of ['pods', 'more-pods'])
      await make('clusters', { name, kind: 'kubernetes', connection: 'in_cluster' });
    const inside = await make('environments', onCluster('inside', {}));
    expect(inside.values).toMatchObject({ web_server: null, database_server: null, cluster_database: true });
    const outside = await make('environments', onCluster('outside', { database_server: 'db-1' }));
    expect(outside.values).toMatchObject({
      ...{ web_server: null, database_server: (await serverIds())['db-1'], cluster_database: null },
      placement: { database_server: 'chosen by hand' },
    });
    expect(await preview({ release: 'needy/v1', cluster: 'pods', database_server: 'db-1' })).toMatchObject({
      servers: [{ field: 'database_server', name: 'db-1' }],
      clusterDatabase: false,
      problems: [],
    });
  });

  test('is refused with Servers that it cannot have', async () => {
    expect(await refused(onCluster('both', { database_server: 'db-1', cluster_database: true }))).toEqual([
      'values.cluster_database: db-1 was chosen for its database: leave this empty, or that.',
    ]);
    expect(await refused(onCluster('wrong', { database_server: 'web-1' }))).toEqual([
      'values.database_server: web-1 offers no databases. Change that on its page, or choose another one.',
    ]);
    expect(await refused(onCluster('wrong', { web_server: 'web-1' }))).toEqual([
      'values.web_server: web-1 is in the Cluster farm, not in pods.',
    ]);
    expect(await refused(onCluster('wrong', { release: 'plain/v1', database_server: 'db-1' }))).toEqual([
      'values.database_server: “plain” uses no database: leave this empty.',
    ]);
  });

  test('that is cloned there has the database of its clone on the same Server; on another Cluster it is in that', async () => {
    const cloned = async (name: string, cluster: string) => {
      const input = { name, primary_name: `${name}.example.org`, kind: 'staging', cluster };
      await aegir.succeed('environments', 'outside', 'copy_it', input);
      return (await aegir.send<Entity>('GET', `/api/environments/${name}`)).values;
    };
    expect(await cloned('beside', 'pods')).toMatchObject({
      ...{ database_server: (await serverIds())['db-1'], cluster_database: null },
      placement: { database_server: 'where outside has its own' },
    });
    expect(await cloned('away', 'more-pods')).toMatchObject({ database_server: null, cluster_database: true });
  });
});

describe('capacity', () => {
  test('is never exceeded by creations at once, and the place of a deleted Environment is free again', async () => {
    await make('clusters', { name: 'small', kind: 'servers' });
    await addServer('small-1', 'small', { capacity: 3, database: true });
    await addServer('small-2', 'small', { capacity: 2, database: true });
    const tries = Array.from({ length: 12 }, (_, number) =>
      aegir.call<ProblemJson>('POST', '/api/environments', {
        values: environment(`rush-${number}`, { release: 'choosy/v1', cluster: 'small', ...chosenFor(number) }),
      }),
    );
    const answers = await Promise.all(tries);
    expect(answers.map(({ status }) => status).filter(status => status !== 422)).toEqual([201, 201, 201, 201, 201]);
    const counts = await database.query(
      `select s.name, count(*)::int from environments e join servers s on s.id = e.web_server where s.name like 'small-%' group by 1 order by 1`,
    );
    expect(counts.rows).toEqual([
      { name: 'small-1', count: 3 },
      { name: 'small-2', count: 2 },
    ]);
    expect(await refused(environment('late', { release: 'choosy/v1', cluster: 'small' }))).toContain(
      'values.web_server: small-1 is full (3 of 3).',
    );
    await database.query(
      `update environments set state = 'deleted' where id = (select min(id) from environments where web_server = (select id from servers where name = 'small-1'))`,
    );
    const { servers } = await preview({ release: 'choosy/v1', cluster: 'small' });
    expect(servers[0]?.reason).toBe(
      'small-1 is the only one that fits: not verified yet, 2 Environments; small-2 is full (2 of 2)',
    );
  });

  // A place on a Server is taken by what uses it for either service.
  const chosenFor = (number: number) => (number % 4 === 3 ? { database_server: 'small-1', web_server: 'small-1' } : {});
});

describe('the terminal', () => {
  test('says after creation and on its page where an Environment is put and why', async () => {
    const flags = { name: 'cli', release: 'needy/v1', cluster: 'farm', 'primary-name': 'cli.example.org' };
    const words = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
    const made = await aegirCommand(aegir, 'environment', 'create', ...words);
    expect(made.stderr).toBe('');
    expect(made.stdout).toMatch(
      /is created \(\w+\)\.\nWeb server: +web-[12] has most room: .*\nDatabase server: +db-2 has most/,
    );
    const shown = await aegirCommand(aegir, 'environment', 'show', 'cli');
    expect(shown.stdout).toMatch(/\nWeb server +web-[12] \(\w+\)\n +web-[12] has most room: /);
    expect(shown.stdout).not.toContain('Why these Servers');
  });
});

async function serverIds(): Promise<Record<string, string>> {
  const { body } = await aegir.call<Page<Entity>>('GET', '/api/servers');
  return Object.fromEntries(body.items.map(server => [String(server.values.name), server.id]));
}
