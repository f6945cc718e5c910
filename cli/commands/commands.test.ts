import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type {
  AuditView,
  FieldDefinition,
  OperationSummary,
  OverrideView,
  Page,
  ReproduceView,
} from '../../api/contract.ts';
import {
  attemptView,
  attentionView,
  catalogueView,
  claimView,
  entityView,
  operationType,
  operationView,
  taskView,
} from '../testing/fixtures.ts';
import { useFakeApi } from '../testing/setup.ts';

const setting = useFakeApi();

test('field add sends the whole definition, with default and choices of its type', async () => {
  const field: FieldDefinition = { id: 'f1', entityKind: 'environment', name: 'visits', type: 'int' };
  setting.api.answer('POST /api/field-definitions', field, 201);
  const words = [
    'field',
    'add',
    'environment',
    'visits',
    '--type',
    'int',
    '--label',
    'Visits',
    '--help-text',
    'A day.',
  ];
  const result = await setting.run([...words, '--required', '--default', '1', '--choices', '1,2,3']);
  expect(result).toEqual({ code: 0, stdout: 'Environments have the field visits now.\n', stderr: '' });
  expect(setting.api.requests('POST /api/field-definitions')[0]?.body).toEqual({
    entityKind: 'environment',
    name: 'visits',
    type: 'int',
    label: 'Visits',
    help: 'A day.',
    required: true,
    default: 1,
    choices: [1, 2, 3],
  });
});

test('field list and delete know fields by kind and name', async () => {
  const fields: FieldDefinition[] = [
    { id: 'f1', entityKind: 'environment', name: 'contact', type: 'str' },
    { id: 'f2', entityKind: 'server', name: 'contact', type: 'str' },
  ];
  setting.api.answer('GET /api/field-definitions', fields);
  setting.api.answer('DELETE /api/field-definitions/f2', undefined, 204);
  const list = await setting.run(['field', 'list', 'server', '--json']);
  expect((JSON.parse(list.stdout) as FieldDefinition[]).map(field => field.id)).toEqual(['f2']);
  expect((await setting.run(['field', 'delete', 'server', 'contact'])).code).toBe(0);
  expect(setting.api.requests('DELETE /api/field-definitions/f2')).toHaveLength(1);
  expect((await setting.run(['field', 'delete', 'server', 'contakt'])).stderr).toContain('Did you mean contact?');
});

test('a type that does not exist is refused with those that do', async () => {
  const result = await setting.run(['field', 'add', 'server', 'x', '--type', 'number']);
  expect(result.code).toBe(2);
  expect(result.stderr).toContain('Allowed choices are str, int');
});

test('operation list filters by an entity that is named', async () => {
  setting.api.answer('GET /api/environments/blog', entityView('environment', 'e1', { name: 'blog' }));
  setting.api.answer<Page<OperationSummary>>('GET /api/operations', { items: [operationView()], next: null });
  const { stdout } = await setting.run(['operation', 'list', '--subject', 'environment/blog', '--state', 'running']);
  expect(setting.api.requests('GET /api/operations')[0]?.query).toEqual({
    subject: 'e1',
    state: 'running',
    limit: '50',
  });
  expect(stdout).toContain('environment/blog');
});

test('operation show lists the steps with their Tasks', async () => {
  const task = taskView('t1', { depth: 1, attempts: [attemptView('a1', 3), attemptView('a2', 3)] });
  setting.api.answer('GET /api/operations/op1', operationView({ tasks: [task], reason: 'asked for' }));
  const { stdout } = await setting.run(['operation', 'show', 'op1']);
  expect(stdout).toMatch(/\nReason +asked for\n/);
  expect(stdout).toMatch(/\n· Step t1 +running +– +2 +t1/);
});

test('cancel says what it does, and that it was too late', async () => {
  setting.api.answer<OperationSummary>('POST /api/operations/op1/cancel', operationView(), 202);
  expect((await setting.run(['cancel', 'op1'])).stdout).toContain('Operation op1 is being cancelled.');
  const over = operationView({ state: 'failed', endedAt: '2026-11-21T08:00:00Z' });
  setting.api.answer<OperationSummary>('POST /api/operations/op1/cancel', over, 202);
  expect((await setting.run(['cancel', 'op1'])).stdout).toBe('Operation op1 is over already: failed.\n');
});

test('cancel takes what becomes of finished steps, and asks when nothing is said', async () => {
  setting.api.answer<OperationSummary>('POST /api/operations/op1/cancel', operationView(), 202);
  await setting.run(['cancel', 'op1']);
  await setting.run(['cancel', 'op1', '--choice', 'undo']);
  expect(setting.api.requests('POST /api/operations/op1/cancel').map(({ query }) => query.choice)).toEqual([
    'ask',
    'undo',
  ]);
  expect((await setting.run(['cancel', 'op1', '--choice', 'stop'])).code).toBe(2);
});

test('operation show says what it waits for, what it holds, and what it asks', async () => {
  const claims = [
    { ...claimView('op1', 0), kind: 'server' as const, name: 'web1', behind: [] },
    { ...claimView('op1', 1), behind: [claimView('op0', 0)] },
  ];
  setting.api.answer('GET /api/operations/op1', operationView({ state: 'queued', claims, attempt: 2 }));
  const queued = (await setting.run(['operation', 'show', 'op1'])).stdout;
  expect(queued).toMatch(/\nWaiting +Waits for the environment blog: 1st in line, behind Install op0 \(by Bob\)\.\n/);
  expect(queued).toMatch(/\nHolds +server\/web1 \(exclusive, since /);
  expect(queued).toMatch(/\nAttempt +2\n/);
  const parked = operationView({ state: 'needs_attention', attentions: [attentionView()], tasks: [taskView('a')] });
  setting.api.answer('GET /api/operations/op1', parked);
  const asks = (await setting.run(['operation', 'show', 'op1'])).stdout;
  expect(asks).toMatch(/\nState +needs attention\n/);
  expect(asks).toContain('Failed: Step a (web1)\nChoose one:\n  ./aegir decide op1 retry  Runs Step a again.\n');
});

test('task reproduce writes private files into a new folder and prints the command', async () => {
  const files = { 'playbook.yml': '- hosts: all\n', 'vars/main.json': '{}' };
  const view: ReproduceView = { command: 'ansible-playbook playbook.yml', files };
  setting.api.answer('GET /api/tasks/t1/reproduce', view);
  const result = await setting.run(['task', 'reproduce', 't1', '--into', 'again']);
  const folder = join(setting.sandbox.folder, 'again');
  expect(result.stdout).toBe(`cd ${folder} && ansible-playbook playbook.yml\n`);
  expect(readFileSync(join(folder, 'playbook.yml'), 'utf8')).toBe(files['playbook.yml']);
  expect(statSync(join(folder, 'vars', 'main.json')).mode & 0o777).toBe(0o600);
  expect((await setting.run(['task', 'reproduce', 't1', '--into', 'again'])).code).toBe(2);
});

test('a file of a Task cannot leave the folder', async () => {
  const view: ReproduceView = { command: 'x', files: { 'good.txt': '', '../../evil': '' } };
  setting.api.answer('GET /api/tasks/t1/reproduce', view);
  expect((await setting.run(['task', 'reproduce', 't1', '--into', 'again'])).code).toBe(2);
  expect(() => statSync(join(setting.sandbox.folder, 'again'))).toThrow();
});

test('an override is set from a file or standard input, and removed by null', async () => {
  const route = 'PUT /api/environments/blog/overrides/write_vhost/custom.conf.j2';
  setting.api.answer<Partial<OverrideView>>(route, { version: 1 });
  writeFileSync(join(setting.sandbox.folder, 'vhost'), 'server {}\n');
  const words = ['environment', 'blog', 'write_vhost/custom.conf.j2'];
  expect((await setting.run(['override', 'set', ...words, '@vhost'])).code).toBe(0);
  expect((await setting.run(['override', 'set', ...words], { stdin: 'two\n' })).code).toBe(0);
  expect((await setting.run(['override', 'remove', ...words])).code).toBe(0);
  expect(setting.api.requests(route).map(request => request.body)).toEqual([
    { text: 'server {}\n' },
    { text: 'two\n' },
    { text: null },
  ]);
  expect((await setting.run(['override', 'set', 'environment', 'blog', 'custom.conf.j2', '@vhost'])).code).toBe(2);
});

test('audit shows what became what', async () => {
  const entry: AuditView = {
    id: 'a1',
    at: '2026-11-21T08:00:00Z',
    actor: 'Ada',
    fromAddress: '192.0.2.1',
    verb: 'update',
    objectKind: 'server',
    objectId: 's1',
    objectName: 'web1',
    before: { port: 22, name: 'web1' },
    after: { port: 2222, name: 'web1' },
  };
  setting.api.answer<Page<AuditView>>('GET /api/audit', { items: [entry], next: null });
  expect((await setting.run(['audit'])).stdout).toMatch(/Ada +192\.0\.2\.1 +update +server\/web1 +port: 22 → 2222\n/);
});

test('catalogue lists the types and the mistakes of those that were refused', async () => {
  const problems = [{ file: 'roles/x/meta/aegir.yml', line: 2, message: 'There is no backend "docker".' }];
  setting.api.answer('GET /api/catalogue', { ...catalogueView(operationType('install_environment')), problems });
  const { stdout } = await setting.run(['catalogue']);
  expect(stdout).toMatch(/install_environment +environment +new +Puts a site/);
  expect(stdout).toContain('  roles/x/meta/aegir.yml:2: There is no backend "docker".');
});

test('status is 0 when all parts run, 1 when one does not or nothing was started', async () => {
  const home = join(setting.sandbox.folder, 'home');
  const variables = { AEGIR_HOME: home, AEGIR_URL: '', AEGIR_TOKEN: '', AEGIR_PORT: new URL(setting.api.url).port };
  const never = await setting.run(['status'], { variables });
  expect(never).toMatchObject({ code: 1, stderr: '' });
  expect(never.stdout).toContain('npm start');
  const part = { name: 'api', pid: process.pid, port: 1, state: 'ready', restarts: 0, since: '2026-11-21T08:00:00Z' };
  const write = (state: string, pid = process.pid) => {
    const status = { pid, addresses: { aegir: setting.api.url, console: 'http://c' }, parts: [{ ...part, state }] };
    writeFileSync(join(home, 'status.json'), JSON.stringify(status));
  };
  mkdirSync(home);
  setting.api.answer('GET /api/health', { ok: true, parts: {} });
  write('ready');
  const healthy = await setting.run(['status', '--json'], { variables });
  expect(healthy.code).toBe(0);
  expect(JSON.parse(healthy.stdout)).toMatchObject({
    healthy: true,
    running: true,
    addresses: { console: 'http://c' },
  });
  write('restarting');
  expect((await setting.run(['status'], { variables })).code).toBe(1);
  // The largest process id that Linux gives is 2^22: nobody has this one.
  write('ready', 2 ** 22 + 1);
  const stopped = await setting.run(['status'], { variables });
  expect(stopped).toMatchObject({ code: 1 });
  expect(stopped.stdout).toContain('is not running');
});

test('status of an installation elsewhere is its health', async () => {
  setting.api.answer('GET /api/health', { ok: true, parts: { database: true } });
  expect(await setting.run(['status'])).toMatchObject({ code: 0, stderr: '' });
  setting.api.answer('GET /api/health', { ok: false, parts: { database: false } }, 503);
  const sick = await setting.run(['status', '--json']);
  expect(sick.code).toBe(1);
  expect(JSON.parse(sick.stdout)).toMatchObject({
    healthy: false,
    running: null,
    health: { parts: { database: false } },
  });
  await setting.api.close();
  expect((await setting.run(['status'])).stdout).toContain('does not answer');
});
