// Secrets of every kind, used by Tasks that are as careless with them as can be: afterwards nothing holds one of them.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { CatalogueView, OperationView } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { openKeyRing } from '../secrets/key-ring.ts';
import { openSecret } from '../secrets/vault.ts';
import { encodings } from './encodings.ts';
import { type Aegir, startAegir } from './harness.ts';
import { findSecrets, readFiles, readProcesses, readTables, textsOf } from './secret-places.ts';
import { makeTypeFolder } from './task-types.ts';

const gates = mkdtempSync(join(tmpdir(), 'aegir-gate-'));
const gate = join(gates, 'open');
const key = ['-----BEGIN KEY-----', 'QyT5aW1l+x9/Zb7vK0pLq2sN', 'm4Xc8vR1+/tGhJ6wEeUuIiOo', '-----END KEY-----'].join(
  '\n',
);
/** By where it comes from. Generated ones are added when they are made. */
const secrets: Record<string, string> = {
  form: `F0rm "quoted" & 'single' <b> 100%+$x\\y/z=1`,
  entity: key,
  field: 'Tr0ub4dor&3-in-a-field/ü',
  posted: 'p0sted-by-the-run-itself',
};
const types = makeTypeFolder();
let aegir: Aegir;
let subject: Entity;
let done: OperationView;
let processes = '';

/** Prints, posts and gives away what it gets, in every way that there is. */
const careless = `import { existsSync, writeFileSync } from 'node:fs';
import { encodings } from '${join(import.meta.dirname, 'encodings.ts')}';
let input = '';
for await (const piece of process.stdin.setEncoding('utf8')) input += piece;
const { arguments: given, aegir } = JSON.parse(input);
const own = { form: given.password, entity: given.key, generated: given.salt, field: aegir.fields.project.token };
const post = (path, body) => fetch(aegir.feedback_url + path, {
  method: 'POST',
  headers: { authorization: 'Bearer ' + aegir.feedback_token, 'content-type': 'application/json' },
  body: JSON.stringify(body),
}).then(answer => console.log(path, answer.status));
const all = Object.entries(own).flatMap(([name, secret]) =>
  Object.entries(encodings).map(([way, encode]) => name + ' in ' + way + ': [' + encode(secret) + ']'));
for (const line of all) console.log(line);
await post('/log', { lines: all.map(line => 'posted ' + line) });
for (const [name, secret] of Object.entries(own)) {
  for (const before of ['', 'u', 'us']) console.log('base64', Buffer.from(before + secret + ' and more').toString('base64'));
  console.log('a long line', 'x'.repeat(16 * 1024 - 5) + secret + 'x'.repeat(100));
  console.log('a longer line', 'x '.repeat(512 * 1024 - 4) + secret + ' x'.repeat(100));
  const label = ('half with ' + secret).slice(0, 199);
  await post('/progress', { percent: 50, label });
  await post('/outputs', { told: JSON.stringify({ [secret]: 'told ' + secret }) });
}
await post('/fields', { kind: 'environment', id: aegir.subject.id, fields: { note: 'note ' + own.form } });
await post('/fields', { kind: 'environment', id: aegir.subject.id, fields: { made: '${secrets.posted}' } });
writeFileSync(process.env.AEGIR_OUTPUTS, JSON.stringify({ shown: 'shown ' + own.form, many: { [own.field]: [own.entity, own.generated] } }));
process.stdout.write('a line without an end ' + own.form);
console.log('');
console.log('ready');
while (!existsSync('${gate}')) await new Promise(go => setTimeout(go, 100));
`;

beforeAll(async () => {
  const options =
    'password: {type: str, description: Secret, required: true, no_log: true}, key: {type: str, description: Key, no_log: true}, salt: {type: str, description: Salt, no_log: true}';
  const from = 'arguments:\n  key: {from: project.deploy_key}\n  salt: {from: environment.salt}\n';
  const outputs =
    'outputs: {shown: {type: str, help: Careless}, many: {type: dict, help: Careless}, told: {type: str, help: Careless}}\n';
  types.put('careless.mjs', careless);
  types.shellTask('print_secrets', `exec ${process.execPath} ${join(types.path, 'careless.mjs')}`, {
    options,
    meta: from + outputs,
  });
  types.ansibleTask(
    'play_secrets',
    `- name: Print it as a careless role does, with {{ password }}
  aegir_stream:
    argv: [sh, -c, 'cat; echo; cat >&2']
    stdin: "the password is {{ password }} and {{ aegir.fields.project.token }}"
- name: Show it
  ansible.builtin.debug:
    msg: {plain: "{{ password }}", json: "{{ {'a': password} | to_json }}", base64: "{{ password | b64encode }}", url: "{{ password | urlencode }}", shell: "{{ password | quote }}"}
- name: Give it away
  ansible.builtin.set_stats:
    data: {shown: "shown {{ password }}"}
    per_host: false
- name: Say it in a failure
  ansible.builtin.fail:
    msg: "{{ ('cannot sign in with ' ~ password ~ ' or ' ~ (password | b64encode) ~ ' or ' ~ ({'p': password} | to_json | to_json)) }}"
  when: fails
`,
    {
      target: 'worker',
      options: `${options}, fails: {type: bool, description: Whether, required: true}`,
      meta: `${from}outputs: {shown: {type: str, help: Careless}}\n`,
    },
  );
  const failing = `password=$(${process.execPath} -e 'let t = ""; process.stdin.on("data", d => { t += d; }).on("end", () => console.log(JSON.parse(t).arguments.password))'); echo "cannot sign in with $password" >&2; exit 4`;
  types.shellTask('fail_secret', failing, { options, meta: from });
  types.operation(
    'careful',
    'environment',
    '[{id: print, task: print_secrets}, {id: play, task: play_secrets, with: {fails: false}}]',
  );
  types.operation('failing', 'environment', '[{id: fail, task: fail_secret}]');
  types.operation('failing_play', 'environment', '[{id: fail, task: play_secrets, with: {fails: true}}]');
  aegir = await startAegir({ types: types.path });
  expect((await aegir.call<CatalogueView>('GET', '/api/catalogue')).body.problems).toEqual([]);
  subject = await makeEnvironment();
  secrets.generated = await openGenerated();
});

afterAll(async () => {
  await aegir?.stop();
  types.remove();
  rmSync(gates, { recursive: true, force: true });
});

async function make(plural: string, body: Record<string, unknown>): Promise<Entity> {
  const made = await aegir.call<Entity>('POST', `/api/${plural}`, body);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body;
}

async function makeEnvironment(): Promise<Entity> {
  for (const [entityKind, name, secret] of [
    ['project', 'token', true],
    ['environment', 'note', false],
    ['environment', 'made', true],
  ]) {
    await aegir.call('POST', '/api/field-definitions', { entityKind, name, type: 'str', secret });
  }
  const values = { name: 'site', repository: 'https://example.org/site.git', application: 'static' };
  await make('projects', { values: { ...values, deploy_key: secrets.entity }, fields: { token: secrets.field } });
  await make('clusters', { values: { name: 'farm', kind: 'servers' } });
  await make('servers', { values: { name: 'web', cluster: 'farm', connection: 'local' } });
  await make('releases', { values: { name: 'v1', project: 'site', git_ref: 'main' } });
  const place = { cluster: 'farm', web_server: 'web', release: 'v1', kind: 'production' };
  return make('environments', { values: { ...place, name: 'blog', primary_name: 'blog.example.org' } });
}

/** Nobody has ever seen it. */
async function openGenerated(): Promise<string> {
  const database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
  const { rows } = await database.query('select s.id, s.sealed from secrets s join environments e on e.salt = s.id');
  await database.end();
  return openSecret(
    openKeyRing({ file: join(aegir.home, 'secret.key') }, () => {}),
    rows[0],
  );
}

/** Looks at every process while the Task has everything in its hands. */
async function runCarefully(): Promise<OperationView> {
  const input = { password: secrets.form };
  const path = `/api/environments/${subject.id}/operations`;
  const { body } = await aegir.call<OperationView>('POST', path, { type: 'careful', input });
  await expect.poll(() => aegir.log(body.id), { timeout: 100_000 }).toMatch(/^ready$/m);
  processes = readProcesses();
  writeFileSync(gate, '');
  return aegir.waitFor(body.id);
}

describe('Tasks that are careless with secrets', () => {
  test('do their work, and what they print is there with asterisks in it', async () => {
    done = await runCarefully();
    expect(done.state, done.message).toBe('succeeded');
    const log = await aegir.log(done.id);
    for (const name of ['form', 'generated', 'field']) {
      for (const way of Object.keys(encodings)) {
        expect.soft(log).toContain(`\n${name} in ${way}: [********]`);
        expect.soft(log).toContain(`\nposted ${name} in ${way}: [********]`);
      }
    }
    expect(log).toContain('the password is ******** and ********');
    expect(log).toContain('a line without an end ********');
    expect(log.match(/^\/\w+ 204$/gm)).toHaveLength(11);
    const [print, play] = done.tasks.slice(-2);
    expect(print?.inputs.password).toEqual({ $secret: expect.any(String) });
    expect(print?.outputs).toMatchObject({
      shown: 'shown ********',
      many: { '********': [expect.any(String), '********'] },
    });
    expect(play?.outputs.shown).toBe('shown ********');
  }, 240_000);

  test('leave no secret in any answer of the API', async () => {
    const paths = [
      `/api/operations/${done.id}`,
      `/api/operations/${done.id}/engine`,
      `/api/environments/${subject.id}`,
      '/api/projects/site',
      '/api/audit?limit=500',
      '/api/operations',
      ...done.tasks.map(task => `/api/tasks/${task.id}/reproduce`),
    ];
    for (const path of paths) {
      const { body } = await aegir.call('GET', path);
      expect.soft(findSecrets(textsOf(body).join('\n'), secrets), path).toEqual([]);
    }
    const events = await fetch(`${aegir.url}/api/operations/${done.id}/log?format=text`, {});
    expect(events.status).toBe(401);
    expect(findSecrets(await aegir.log(done.id), secrets)).toEqual([]);
  });

  test('say no secret when they fail: neither shell nor Ansible, in a message, a mark or to the engine', async () => {
    for (const type of ['failing', 'failing_play']) {
      const failed = await aegir.run('environments', subject.id, type, { password: secrets.form });
      expect(failed.state).toBe('failed');
      expect(failed.message).toContain('cannot sign in with ********');
      const engine = await aegir.call('GET', `/api/operations/${failed.id}/engine`);
      expect(textsOf(engine.body).join('\n')).toContain('cannot sign in with ********');
      for (const body of [failed, engine.body, await aegir.log(failed.id)]) {
        expect(findSecrets(textsOf(body).join('\n'), secrets)).toEqual([]);
      }
    }
  });
});

describe('after all that, no secret is in', () => {
  test('any command line or environment of a process while it ran', () => {
    expect(processes).toContain('careless.mjs');
    expect(findSecrets(processes, secrets)).toEqual([]);
  });

  test('any row of any table', async () => {
    const tables = await readTables(aegir.databaseUrl);
    expect(tables.size).toBeGreaterThan(15);
    expect(tables.get('public.log_chunks')).toContain('ready');
    for (const [name, text] of tables) expect.soft(findSecrets(text, secrets), name).toEqual([]);
  });

  test('the files of the engine’s database, its log included', () => {
    const files = readFiles(inject('enginesFolder'), path => path.includes('/temporal/'));
    expect([...files.keys()].map(path => path.split('/').at(-1))).toEqual(
      expect.arrayContaining(['temporal.db', 'temporal.db-wal']),
    );
    const all = [...files.values()].join('\n');
    for (const known of [done.id, 'print_secrets', 'Encoded failure', 'binary/aegir-sealed'])
      expect(all).toContain(known);
    for (const [path, text] of files) expect.soft(findSecrets(text, secrets), path).toEqual([]);
  });

  test('any log file, nor in any other file of the data folder but the key', () => {
    const files = new Map([
      ...readFiles(aegir.home, path => !path.endsWith('secret.key')),
      ...readFiles(inject('enginesFolder'), path => path.endsWith('.log')),
    ]);
    const names = [...files.keys()].map(path => path.split('/').at(-1));
    expect(names).toEqual(expect.arrayContaining(['server.log', 'worker.log', 'temporal.log', 'postgres.log']));
    for (const [path, text] of files) expect.soft(findSecrets(text, secrets), path).toEqual([]);
  });

  test('places that hold one are seen: the search itself finds every way', () => {
    for (const [way, encode] of Object.entries(encodings)) {
      const found = findSecrets(`x ${encode(secrets.form ?? '')} x`, secrets);
      expect.soft(found, way).toContain(`form as ${way}`);
    }
    expect(findSecrets(Buffer.from(secrets.field ?? '').toString('latin1'), secrets)).toContain('field as nothing');
  });
});
