import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CatalogueView, EntityView, FormView, SessionView } from '../api/contract.ts';
import { type Role, roles } from '../model/access.ts';
import type { Entity } from '../model/entities.ts';
import { aegirCommand } from './cli.ts';
import { type Aegir, startAegir } from './harness.ts';
import { tokenOf } from './people.ts';

interface Problem {
  code: string;
  detail: string;
  problems: { path: string; message: string }[];
}

const types = mkdtempSync(join(tmpdir(), 'aegir-types-'));
let aegir: Aegir;
let database: pg.Client;
let cluster: Entity;

beforeAll(async () => {
  mkdirSync(join(types, 'operations'));
  mkdirSync(join(types, 'roles'));
  mkdirSync(join(types, 'applications'));
  aegir = await startAegir({ types });
  database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
  cluster = (await aegir.call<Entity>('POST', '/api/clusters', { values: { name: 'farm', kind: 'servers' } })).body;
});

afterAll(async () => {
  await database?.end();
  await aegir?.stop();
  rmSync(types, { recursive: true, force: true });
});

let persons = 0;
const person = (role: Role) => tokenOf(aegir, role, `${role}${++persons}`);

interface Document {
  paths: Record<string, Record<string, { 'x-access': string }>>;
}

describe('access', () => {
  test('nothing but health, sign-in, a run’s feedback and what is signed answers without signing in', async () => {
    const { body } = await aegir.call<Document>('GET', '/api/openapi.json');
    const open: string[] = [];
    for (const [path, methods] of Object.entries(body.paths)) {
      for (const [method, route] of Object.entries(methods)) {
        const url = path.replaceAll(/\{\w+\}/g, 'x');
        const answer = await aegir.call(method.toUpperCase(), url, method === 'get' ? undefined : {}, { token: '' });
        if (route['x-access'] === 'open') open.push(path);
        else if (route['x-access'] === 'signature') expect([403, 422], `${method} ${path}`).toContain(answer.status);
        else if (route['x-access'] !== 'run token') expect(answer.status, `${method} ${path}`).toBe(401);
      }
    }
    expect(open.sort()).toEqual(['/api/health', '/api/sign-in-link']);
    expect((await aegir.call('GET', '/temporal/', undefined, { token: '' })).status).toBe(401);
    expect((await aegir.call('GET', '/api/openapi.json', undefined, { token: '' })).status).toBe(401);
  });

  test('a wrong token of any kind is refused', async () => {
    expect((await aegir.call('GET', '/api/session', undefined, { token: 'aegir_wrong' })).status).toBe(401);
    for (const authorization of ['Local wrong', 'Local ', 'Basic eDp5', 'Bearer']) {
      expect(
        (await aegir.call('GET', '/api/session', undefined, { token: '', headers: { authorization } })).status,
      ).toBe(401);
    }
  });

  test('each role may do what it is for, and the refusal names the role that is needed', async () => {
    const tokens = Object.fromEntries(await Promise.all(roles.map(async role => [role, await person(role)])));
    const attempts: [Role, string, string, unknown][] = [
      ['viewer', 'GET', '/api/clusters', undefined],
      ['operator', 'POST', '/api/environments', { values: {} }],
      ['engineer', 'POST', '/api/clusters', { values: {} }],
      ['engineer', 'POST', '/api/codec/decode', { payloads: [] }],
      ['administrator', 'POST', '/api/field-definitions', { entityKind: 'cluster', name: 'Wrong', type: 'str' }],
    ];
    for (const [needed, method, path, body] of attempts) {
      for (const role of roles) {
        const answer = await aegir.call<Problem>(method, path, body, { token: tokens[role] });
        const allowed = roles.indexOf(role) >= roles.indexOf(needed);
        if (allowed) expect(answer.status, `${role} ${method} ${path}`).not.toBe(403);
        else {
          expect(answer.status, `${role} ${method} ${path}`).toBe(403);
          expect(answer.body.detail).toContain(needed);
        }
      }
    }
  });

  test('the one-time link signs in once, and the first password is set once', async () => {
    const { body } = await aegir.call<{ url: string }>('POST', '/api/sign-in-links');
    const token = new URL(body.url).searchParams.get('link');
    const first = await aegir.call('POST', '/api/sign-in-link', { token }, { token: '' });
    expect(first.status).toBe(204);
    expect((await aegir.call('POST', '/api/sign-in-link', { token }, { token: '' })).status).toBe(401);

    const cookie = first.headers.get('set-cookie')?.split(';')[0] ?? '';
    const asPerson = { token: '', headers: { cookie } };
    const session = await aegir.call<SessionView>('GET', '/api/session', undefined, asPerson);
    expect(session.body.needsPassword).toBe(true);
    expect(first.headers.get('set-cookie')).toMatch(/HttpOnly/i);

    const credentials = { password: 'correct horse battery', email: 'admin@example.org', name: 'Ada' };
    expect((await aegir.call('POST', '/api/session/password', { password: 'short' }, asPerson)).status).toBe(422);
    expect((await aegir.call('POST', '/api/session/password', credentials, asPerson)).status).toBe(204);
    expect((await aegir.call('POST', '/api/session/password', credentials, asPerson)).status).toBe(409);

    const fromPage = { token: '', headers: { origin: aegir.url } };
    const signIn = await aegir.call(
      'POST',
      '/api/auth/sign-in/email',
      { email: credentials.email, password: credentials.password },
      fromPage,
    );
    expect(signIn.status, JSON.stringify(signIn.body)).toBe(200);
    const wrong = await aegir.call(
      'POST',
      '/api/auth/sign-in/email',
      { email: credentials.email, password: 'something else' },
      fromPage,
    );
    expect(wrong.status).toBe(401);
    const up = await aegir.call(
      'POST',
      '/api/auth/sign-up/email',
      { email: 'b@example.org', password: 'correct horse battery', name: 'B' },
      fromPage,
    );
    expect(up.status).toBeGreaterThanOrEqual(400);
  });

  test('a cookie from another site’s page changes nothing', async () => {
    const { body } = await aegir.call<{ url: string }>('POST', '/api/sign-in-links');
    const token = new URL(body.url).searchParams.get('link');
    const cookie =
      (await aegir.call('POST', '/api/sign-in-link', { token }, { token: '' })).headers
        .get('set-cookie')
        ?.split(';')[0] ?? '';
    const headers = { cookie, origin: 'https://elsewhere.example' };
    expect((await aegir.call('POST', '/api/tokens', { name: 'stolen' }, { token: '', headers })).status).toBe(401);
  });
});

describe('entities', () => {
  test('a wrong input is answered with every mistake and its path', async () => {
    const values = { name: 'Not A Name', cluster: 'nowhere', port: 'many', connection: 'ssh', colour: 'red' };
    const { status, body } = await aegir.call<Problem>('POST', '/api/servers', { values });
    expect(status).toBe(422);
    const paths = body.problems.map(problem => problem.path.replace('values.', '')).sort();
    expect(paths).toEqual(['address', 'cluster', 'colour', 'name', 'port', 'ssh_key']);
  });

  test('a secret is sealed: never answered, never in the database in clear, replaced and kept by edits', async () => {
    const values = { name: 'web1', cluster: 'farm', address: '192.0.2.1', ssh_key: 'PRIVATE-KEY-TEXT-4711' };
    const made = await aegir.call<Entity>('POST', '/api/servers', { values });
    expect(made.status, JSON.stringify(made.body)).toBe(201);
    expect(made.body.values.ssh_key).toEqual({ $secret: expect.any(String) });
    const edited = await aegir.call<Entity>('PATCH', `/api/servers/${made.body.id}`, { values: { port: 2222 } });
    expect(edited.body.values).toMatchObject({ port: 2222, ssh_key: made.body.values.ssh_key });
    const everything = await database.query(
      `select string_agg(t::text, ' ') as all from (select row_to_json(servers) as t from servers union all select row_to_json(audit) from audit union all select row_to_json(secrets) from secrets) as rows`,
    );
    expect(everything.rows[0].all).not.toContain('PRIVATE-KEY-TEXT');
    const audit = await aegir.call<{ items: unknown[] }>('GET', '/api/audit');
    expect(JSON.stringify(audit.body)).not.toContain('PRIVATE-KEY-TEXT');
  });

  test('names are unique while their owner lives, and what is in use is not deleted', async () => {
    const again = await aegir.call<Problem>('POST', '/api/clusters', { values: { name: 'farm', kind: 'servers' } });
    expect(again.status).toBe(409);
    expect(again.body.detail).toContain('farm');
    const inUse = await aegir.call<Problem>('DELETE', `/api/clusters/${cluster.id}`);
    expect(inUse.status).toBe(409);
    expect(inUse.body.detail).toContain('in use');
  });

  test('a host name belongs to one Environment, as its primary name or as an alias', async () => {
    await aegir.call('POST', '/api/projects', {
      values: { name: 'shop', repository: 'https://example.org/shop.git', application: 'static' },
    });
    await aegir.call('POST', '/api/releases', { values: { name: 'v1', project: 'shop', git_ref: 'main' } });
    const create = (name: string, primary: string, aliases: string[] = []) =>
      aegir.call<Problem & Entity>('POST', '/api/environments', {
        values: { name, release: 'shop/v1', web_server: 'web1', primary_name: primary, aliases, kind: 'production' },
      });
    const one = await create('one', 'shop.example.org', ['www.shop.example.org']);
    expect(one.status, JSON.stringify(one.body)).toBe(201);
    // Nobody has to think of these.
    const { database_password, salt } = one.body.values;
    expect([database_password, salt]).toEqual([{ $secret: expect.any(String) }, { $secret: expect.any(String) }]);
    expect(database_password).not.toEqual(salt);
    const two = await create('two', 'www.shop.example.org');
    expect(two.status).toBe(409);
    expect(two.body.problems[0]?.path).toBe('values.primary_name');
    expect((await create('three', 'not a name')).status).toBe(422);
    expect((await create('four', '{{ lookup("pipe","id") }}')).status).toBe(422);
    const view = await aegir.call<EntityView>('GET', '/api/releases/shop%2Fv1');
    expect(view.body.referredBy.environment?.map(entity => entity.values.name)).toEqual(['one']);
    expect((await aegir.call('DELETE', `/api/environments/${one.body.id}`)).status).toBe(204);
    expect((await create('two', 'www.shop.example.org')).status).toBe(201);
  });

  test('custom fields are checked, filtered by and shown', async () => {
    const field = { entityKind: 'cluster', name: 'contact', type: 'str', label: 'Contact', choices: ['ada', 'grace'] };
    expect((await aegir.call('POST', '/api/field-definitions', field)).status).toBe(201);
    expect((await aegir.call('POST', '/api/field-definitions', field)).status).toBe(409);
    const path = `/api/clusters/${cluster.id}`;
    expect((await aegir.call('PATCH', path, { fields: { contact: 'nobody' } })).status).toBe(422);
    expect((await aegir.call<Entity>('PATCH', path, { fields: { contact: 'ada' } })).body.fields).toEqual({
      contact: 'ada',
    });
    const found = await aegir.call<{ items: Entity[] }>('GET', '/api/clusters?fields.contact=ada');
    expect(found.body.items.map(entity => entity.id)).toEqual([cluster.id]);
    expect((await aegir.call<{ items: Entity[] }>('GET', '/api/clusters?fields.contact=grace')).body.items).toEqual([]);
    const session = await aegir.call<SessionView>('GET', '/api/session');
    expect(session.body.entities.cluster.customFields.map(entry => entry.name)).toEqual(['contact']);
  });

  test('an unknown filter, a huge page and a broken body are refused with a sentence', async () => {
    expect((await aegir.call('GET', '/api/clusters?colour=red')).status).toBe(422);
    expect((await aegir.call('GET', '/api/clusters?limit=100000')).status).toBe(422);
    const broken = await fetch(`${aegir.url}/api/clusters`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await person('engineer')}`, 'content-type': 'application/json' },
      body: '{"values":',
    });
    expect(broken.status).toBe(400);
    expect(((await broken.json()) as Problem).detail).not.toBe('');
  });
});

describe('the catalogue', () => {
  test('takes a new type without a restart, and a broken one is refused with all its mistakes and harms nothing', async () => {
    const before = await aegir.call<CatalogueView>('GET', '/api/catalogue');
    expect(before.body.problems).toEqual([]);
    const role = join(types, 'roles', 'count_visits');
    mkdirSync(join(role, 'meta'), { recursive: true });
    mkdirSync(join(role, 'shell'));
    writeFileSync(
      join(role, 'meta', 'argument_specs.yml'),
      'argument_specs:\n  main:\n    short_description: Count\n    description: Counts.\n    options:\n      since: {type: int, description: Days, required: true}\n',
    );
    writeFileSync(join(role, 'meta', 'aegir.yml'), 'target: worker\n');
    writeFileSync(join(role, 'shell', 'run'), '#!/bin/sh\ncat >/dev/null\n', { mode: 0o755 });
    writeFileSync(
      join(types, 'operations', 'count.yml'),
      'title: Count\ndescription: Counts.\non: cluster\nsteps: [{id: one, task: count_visits}]\n',
    );
    const form = await aegir.call<FormView>('GET', '/api/clusters/farm/operation-types/count/form');
    expect(form.body.groups[0]?.fields.map(field => field.name)).toEqual(['since']);

    const run = await aegirCommand(aegir, 'run', 'count', 'farm', '--since', '3', '--follow');
    expect(run.code, `${run.stdout}${run.stderr}`).toBe(0);

    writeFileSync(
      join(types, 'operations', 'wrong.yml'),
      'title: 3\non: planet\nstepz: []\nsteps: [{id: one, task: no_such_task}]\n',
    );
    const after = await aegir.call<CatalogueView>('GET', '/api/catalogue');
    expect(after.body.problems.length).toBeGreaterThanOrEqual(3);
    expect(after.body.problems.every(problem => problem.file.endsWith('wrong.yml') && problem.line > 0)).toBe(true);
    expect(after.body.operationTypes.map(type => type.name)).toEqual(
      expect.arrayContaining(['count', 'install_environment']),
    );
  });
});
