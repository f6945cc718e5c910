import { readdirSync, readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OperationView } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

const secret = 'Tr0ub4dor&3-in-clear';
const types = makeTypeFolder();
let aegir: Aegir;
let project: Entity;
let database: pg.Client;

/** Command lines and environments of every process that this user may look at. */
function processTexts(): string {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && name !== String(process.pid))
    .map(pid => ['cmdline', 'environ'].map(file => readQuietly(`/proc/${pid}/${file}`)).join('\n'))
    .join('\n');
}

function readQuietly(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

beforeAll(async () => {
  const options = 'password: {type: str, description: Secret, required: true, no_log: true}';
  types.ansibleTask(
    'use_secret',
    `- name: Print it as a careless role does
  aegir_stream:
    argv: [sh, -c, 'cat; echo; echo ready; sleep 2']
    stdin: "the password is {{ password }} and {{ aegir.fields.project.token }}"
- name: Say it as progress
  ansible.builtin.uri:
    url: "{{ aegir.feedback_url }}/progress"
    method: POST
    headers: {Authorization: "Bearer {{ aegir.feedback_token }}"}
    body_format: json
    body: {percent: 50, label: "half with {{ aegir.fields.project.token }}"}
    status_code: [204]
- name: Give it away
  ansible.builtin.set_stats:
    data: {shown: "shown {{ password }}"}
    per_host: false
`,
    { target: 'worker', options, meta: 'outputs: {shown: {type: str, help: Careless}}\n' },
  );
  types.shellTask('shell_secret', 'cat; exit 4', { options });
  types.operation('careful', 'project', '[{id: use, task: use_secret}, {id: shell, task: shell_secret}]');
  aegir = await startAegir({ types: types.path });
  database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
  await aegir.call('POST', '/api/field-definitions', {
    entityKind: 'project',
    name: 'token',
    type: 'str',
    secret: true,
  });
  const values = {
    name: 'site',
    repository: 'https://example.org/site.git',
    application: 'static',
    deploy_key: `${secret}-key`,
  };
  const made = await aegir.call<Entity>('POST', '/api/projects', { values, fields: { token: `${secret}-field` } });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  project = made.body;
});

afterAll(async () => {
  await database?.end();
  await aegir?.stop();
  types.remove();
});

test('a secret of a form, a field or an entity is nowhere in clear: rows, log, answers, kept files, command lines', async () => {
  const started = await aegir.call<OperationView>('POST', `/api/projects/${project.id}/operations`, {
    type: 'careful',
    input: { password: secret },
  });
  await expect.poll(() => aegir.log(started.body.id), { timeout: 30_000 }).toContain('ready');
  expect(processTexts()).not.toContain(secret);

  const done = await aegir.waitFor(started.body.id);
  expect(
    done.tasks.map(task => task.state),
    done.message,
  ).toEqual(['succeeded', 'succeeded', 'failed']);
  expect(done.exitCode).toBe(4);
  const log = await aegir.log(done.id);
  expect(log).toContain('the password is ********');
  expect(done.tasks[1]?.inputs.password).toEqual({ $secret: expect.any(String) });
  expect(done.tasks[1]?.progress?.label).toBe('half with ********');
  expect(done.tasks[1]?.outputs.shown).toBe('shown ********');

  const kept = await aegir.call('GET', `/api/tasks/${done.tasks[1]?.id}/reproduce`);
  const view = await aegir.call('GET', `/api/projects/${project.id}`);
  for (const text of [log, JSON.stringify(done), JSON.stringify(kept.body), JSON.stringify(view.body)])
    expect(text).not.toContain(secret);

  const { rows } = await database.query<{ name: string }>(
    `select table_schema || '.' || quote_ident(table_name) as name from information_schema.tables where table_schema in ('public', 'drizzle')`,
  );
  expect(rows.length).toBeGreaterThan(15);
  for (const { name } of rows) {
    const found = await database.query(
      `select count(*)::int as n from ${name} as row where position($1 in row::text) > 0`,
      [secret],
    );
    expect(found.rows[0].n, name).toBe(0);
  }
}, 120_000);
