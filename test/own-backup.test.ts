// Aegir itself into one file while it runs, and back: into another database, beside which another Aegir is started, and into
// a data folder of its own.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OperationView } from '../api/contract.ts';
import type { TokenView } from '../api/contract-people.ts';
import type { Entity } from '../model/entities.ts';
import { readArchive } from '../own-backup/read-archive.ts';
import { restoringFile } from '../start/home.ts';
import { type Aegir, createDatabase, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

const folder = mkdtempSync(join(tmpdir(), 'aegir-own-'));
const [gate, runs, archive] = ['open', 'runs', 'aegir.backup'].map(name => join(folder, name)) as [
  string,
  string,
  string,
];
const passphrase = 'correct horse battery';
const secret = 'a-token-of-the-project';
const types = makeTypeFolder();
const ends: (() => Promise<unknown>)[] = [];
let aegir: Aegir;

/** Tells which secret it was given; and one that waits, and counts how often it was begun. */
const tell = `python3 -c 'import json, os, sys
json.dump({"last": json.load(sys.stdin)["aegir"]["fields"]["project"]["token"][-7:]}, open(os.environ["AEGIR_OUTPUTS"], "w"))'`;
const hold = `cat >/dev/null; echo begun >>${runs}; echo holding; while [ ! -e ${gate} ]; do sleep 0.1; done`;

beforeAll(async () => {
  writeFileSync(join(folder, 'passphrase'), `${passphrase}\n`);
  types.shellTask('tell_end', tell, { meta: 'outputs: {last: {type: str, help: End}}\n' });
  types.shellTask('hold_on', hold);
  const locks = 'locks: {project: exclusive}\n';
  types.operation('tell', 'project', '[{id: tell, task: tell_end}]', locks);
  types.operation('hold', 'project', '[{id: hold, task: hold_on}, {id: tell, task: tell_end}]', locks);
  aegir = await startAegir({ types: types.path });
  await aegir.call('POST', '/api/field-definitions', {
    entityKind: 'project',
    name: 'token',
    type: 'str',
    secret: true,
  });
});

afterAll(async () => {
  writeFileSync(gate, '');
  for (const end of ends.reverse()) await end();
  await aegir?.stop();
  types.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** `./aegir`, with the settings of the suite and others over them. */
async function own(words: string[], changes: NodeJS.ProcessEnv = {}, input?: string) {
  const { exitCode, all } = await execa(join(import.meta.dirname, '..', 'aegir'), words, {
    ...{ reject: false, all: true, extendEnv: false, input: input ?? '' },
    env: { ...aegir.environment, ...changes } as Record<string, string>,
  });
  return { code: exitCode, text: all ?? '' };
}

const passphraseFile = () => ['--passphrase', `@${join(folder, 'passphrase')}`];
const embedded = (home: string) => ({ AEGIR_HOME: home, AEGIR_DATABASE_URL: '' });

async function query<T extends pg.QueryResultRow>(url: string, text: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return (await client.query<T>(text).finally(() => client.end())).rows;
}

test('a backup of a running Aegir comes into an empty database: rows, keys, secrets, tokens; what was under way is over there', async () => {
  const values = {
    name: 'site',
    repository: 'https://example.org/site.git',
    application: 'static',
    deploy_key: 'a-key',
  };
  const { body: project } = await aegir.call<Entity>('POST', '/api/projects', { values, fields: { token: secret } });
  const told = await aegir.run('projects', project.id, 'tell');
  expect(told.tasks.at(-1)?.outputs).toEqual({ last: 'project' });
  const { body: token } = await aegir.call<TokenView & { token: string }>('POST', '/api/tokens', { name: 'kept' });
  const start = async (type: string) =>
    (await aegir.call<OperationView>('POST', `/api/projects/${project.id}/operations`, { type, input: {} })).body.id;
  const held = await start('hold');
  await expect.poll(() => aegir.log(held), { timeout: 30_000 }).toContain('holding');
  const waiting = await start('tell');

  const made = await own(['backup', archive, ...passphraseFile()]);
  expect(made.text).toMatch(/aegir\.backup: .* \d+ tables with [\d,]+ rows, 1 key\.\nNot in it:\n/);
  expect(made.text).toContain(`types of your own in ${join(types.path, 'roles')}`);
  expect([made.code, statSync(archive).mode & 0o777, existsSync(`${archive}.part`)]).toEqual([0, 0o600, false]);
  expect((await own(['backup', archive, ...passphraseFile()])).text).toContain('is there already');

  const database = await createDatabase();
  ends.push(database.drop);
  const home = join(folder, 'second');
  mkdirSync(home);
  const there = { AEGIR_HOME: home, AEGIR_DATABASE_URL: database.url };
  const restored = await own(['restore', archive, '--passphrase', '-'], there, `${passphrase}\n`);
  expect(restored.code, restored.text).toBe(0);
  expect(restored.text).toContain('“hold” of site was under way, and has failed');
  expect(restored.text).toContain('“tell” of site had not begun, and is cancelled');
  expect(restored.text).toContain('for good before you start this one');
  expect(readFileSync(join(home, 'secret.key'), 'utf8')).toBe(readFileSync(join(aegir.home, 'secret.key'), 'utf8'));
  for (const table of ['secrets', 'projects', 'catalogue_versions', 'log_chunks', 'members', 'apikey']) {
    const all = `select md5(string_agg(each::text, '' order by each::text)) as sum, count(*) from ${table} each`;
    expect(await query(database.url, all), table).toEqual(await query(aegir.databaseUrl, all));
  }
  expect((await own(['restore', archive, ...passphraseFile()], there)).text).toContain('The database is not empty');

  const environment = { AEGIR_DATABASE_URL: database.url, AEGIR_SECRET_KEY_FILE: join(home, 'secret.key') };
  const second = await startAegir({ types: types.path, environment });
  ends.push(() => second.stop());
  const viewOf = async (id: string) => (await second.call<OperationView>('GET', `/api/operations/${id}`)).body;
  const [lost, never] = [await viewOf(held), await viewOf(waiting)];
  expect([lost.state, never.state]).toEqual(['failed', 'cancelled']);
  expect(lost.message).toContain('was under way when the copy of Aegir was made');
  expect(lost.tasks.map(({ state }) => state)).toEqual(['succeeded', 'failed', 'skipped']);
  expect((await second.call('GET', '/api/projects', undefined, { token: token.token })).status).toBe(200);
  // Neither was begun again by itself, and no lock of theirs is left.
  const after = await second.run('projects', project.id, 'tell');
  expect([after.state, after.tasks.at(-1)?.outputs]).toEqual(['succeeded', { last: 'project' }]);
  expect(readFileSync(runs, 'utf8')).toBe('begun\n');
  expect(await second.log(told.id)).toBe(await aegir.log(told.id));
  writeFileSync(gate, '');
  const resumed = await second.call<OperationView>('POST', `/api/operations/${held}/resume`, {});
  expect(resumed.status, JSON.stringify(resumed.body)).toBe(202);
  expect((await second.waitFor(held)).state).toBe('succeeded');
  expect((await aegir.waitFor(waiting)).state).toBe('succeeded');
  // A second Aegir is started beside the first.
}, 240_000);

test('it comes into an empty data folder, from which the next backup is the same; anything else is refused and untouched', async () => {
  const home = join(folder, 'third');
  mkdirSync(home);
  writeFileSync(join(home, 'note'), '');
  const filled = await own(['restore', archive, ...passphraseFile()], embedded(home));
  expect([filled.code, filled.text]).toEqual([2, expect.stringContaining('is not empty (note)')]);
  rmSync(join(home, 'note'));
  // As one leaves it that was killed in the middle: no start takes it for whole, the next restore begins anew.
  for (const name of ['postgres', 'logs']) mkdirSync(join(home, name));
  writeFileSync(restoringFile(home), '');
  const { exitCode, stderr } = await execa(process.execPath, ['start.ts'], {
    ...{ reject: false, cwd: join(import.meta.dirname, '..'), extendEnv: false },
    env: { ...aegir.environment, ...embedded(home) } as Record<string, string>,
  });
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining('run ./aegir restore again')]);

  const restored = await own(['restore', archive, ...passphraseFile()], embedded(home));
  expect(restored.code, restored.text).toBe(0);
  expect(existsSync(restoringFile(home))).toBe(false);
  const again = join(folder, 'again.tar.gz');
  const made = await own(['backup', again, '--unencrypted'], embedded(home));
  expect([made.code, made.text]).toEqual([0, expect.stringContaining('it is not encrypted, and holds the keys')]);
  const [first, second] = [
    await readArchive(archive, async () => passphrase),
    await readArchive(again, () => Promise.reject(new Error('It is not asked for.'))),
  ];
  expect([second.keys, second.head.migration]).toEqual([first.keys, first.head.migration]);
  // What the end of Operations has written.
  const changed = ['audit', 'notices', 'operations', 'projects', 'task_attempts', 'tasks'];
  const sums = ({ manifest }: typeof first) => manifest.tables.filter(({ name }) => !changed.includes(name));
  expect(sums(second)).toEqual(sums(first));
  const { stdout } = await execa('tar', ['-tzf', again]);
  expect(stdout.split('\n').slice(0, 2)).toEqual(['aegir.json', 'secret.key']);
}, 240_000);

test.each([
  ['without a word on encryption', ['backup', '/nowhere/x'], 'Give --passphrase @file'],
  ['with a short passphrase', ['backup', '/nowhere/x', '--passphrase', '-'], 'fewer than 12 characters'],
  [
    'with the passphrase on the command line',
    ['backup', '/nowhere/x', '--passphrase', passphrase],
    'Give the passphrase as @file',
  ],
  ['into a folder that is not there', ['backup', '/nowhere/x', '--unencrypted'], 'there is no such folder'],
  ['without a file', ['backup'], 'Usage: ./aegir backup <file>'],
  ['of a file that is not there', ['restore', '/nowhere/x'], '/nowhere/x cannot be read (ENOENT)'],
])('a call %s is refused in words', async (_, words, expected) => {
  const { code, text } = await own(words, {}, 'short');
  expect([code, text]).toEqual([
    expect.toSatisfy(found => found === 2 || found === 4),
    expect.stringContaining(expected),
  ]);
});

test('“backup list” is still about backups of Environments', async () => {
  const { code, text } = await own(['backup', 'list', '--json'], { AEGIR_URL: aegir.url });
  expect(code, text).toBe(0);
  expect(JSON.parse(text)).toEqual([]);
});
