import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type { Page } from '../../api/contract.ts';
import type { Entity } from '../../model/entities.ts';
import { sendJson } from '../testing/fake-api.ts';
import { entityView, sessionView } from '../testing/fixtures.ts';
import { useFakeApi } from '../testing/setup.ts';

const setting = useFakeApi();
const cluster = entityView('cluster', 'c1', { name: 'main', kind: 'servers' });
const server = entityView('server', 's1', { name: 'web1', cluster: 'c1', connection: 'ssh', address: 'web1.example' });

beforeEach(() => {
  const custom = sessionView({
    server: [
      { name: 'rack', type: 'int', label: 'Rack' },
      { name: 'tags', type: 'list', elements: 'str' },
      { name: 'no_backup', type: 'bool' },
      { name: 'json', type: 'str' },
    ],
  });
  setting.api.answer('GET /api/session', custom);
  setting.api.answer('GET /api/clusters/main', cluster);
  setting.api.answer('POST /api/servers', server, 201);
  setting.api.answer('PATCH /api/servers/web1', server);
});

function created(): unknown {
  return setting.api.requests('POST /api/servers')[0]?.body;
}

test('create sends built-in and custom fields, references by name, and values of their types', async () => {
  const words = ['server', 'create', '--name', 'web1', '--cluster', 'main', '--port', '2222', '--become', '--no-web'];
  const custom = ['--rack', '7', '--tags', 'a', '--tags', 'b', '--no-backup', 'yes', '--field-json', 'x'];
  const dict = ['--web-settings', '{"binary":"/opt/nginx"}'];
  const result = await setting.run([...words, ...custom, ...dict]);
  expect(result).toEqual({ code: 0, stdout: 'Server web1 is created (s1).\n', stderr: '' });
  expect(created()).toEqual({
    values: {
      name: 'web1',
      cluster: 'main',
      port: 2222,
      become: true,
      web: false,
      web_settings: { binary: '/opt/nginx' },
    },
    fields: { rack: 7, tags: ['a', 'b'], no_backup: true, json: 'x' },
  });
});

test('a secret comes from a file as it is, or from standard input, and never from the command line', async () => {
  const key = '-----BEGIN KEY-----\nabc\n-----END KEY-----\n';
  writeFileSync(join(setting.sandbox.folder, 'key'), key);
  await setting.run(['server', 'create', '--ssh-key', '@key']);
  await setting.run(['server', 'create', '--ssh-key', '-'], { stdin: key });
  const refused = await setting.run(['server', 'create', '--ssh-key', 'hunter2']);
  const bodies = setting.api.requests('POST /api/servers').map(request => request.body);
  expect(bodies).toEqual([
    { values: { ssh_key: key }, fields: {} },
    { values: { ssh_key: key }, fields: {} },
  ]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('use --ssh-key @file, or --ssh-key - and standard input');
});

test('any value may come from a file, begin with a dash or, written twice, with an @', async () => {
  writeFileSync(join(setting.sandbox.folder, 'address'), 'web1.example\n');
  await setting.run(['server', 'create', '--address', '@~/address', '--user=-odd', '--name', '@@home']);
  expect(created()).toEqual({ values: { address: 'web1.example', user: '-odd', name: '@home' }, fields: {} });
});

test('values with the marks of templates and options arrive as they are', async () => {
  const name = "{{ lookup('pipe','id') }}";
  await setting.run(['server', 'create', '--name', name, '--user', '--help']);
  expect(created()).toEqual({ values: { name, user: '--help' }, fields: {} });
});

test('all values that cannot be read are told at once, and nothing is sent', async () => {
  const words = ['server', 'create', '--port', 'ssh', '--become=maybe', '--web-settings', '{', '--ssh-key', '@none'];
  const result = await setting.run([...words, '--name', 'a', '--name', 'b']);
  expect(result.code).toBe(2);
  const flags = ['--port', '--become', '--web-settings', '--ssh-key', '--name'];
  for (const flag of flags) expect(result.stderr).toContain(`  ${flag}: `);
  expect(created()).toBeUndefined();
});

test('a flag without a value does not swallow the name behind it', async () => {
  await setting.run(['server', 'edit', '--web', 'web1']);
  expect(setting.api.requests('PATCH /api/servers/web1')[0]?.body).toEqual({ values: { web: true } });
});

test('edit sends only what is given, and an empty text empties a field', async () => {
  const result = await setting.run(['server', 'edit', 'web1', '--host-key=', '--tags', '', '--rack=3']);
  expect(result).toEqual({ code: 0, stdout: 'Server web1 is changed.\n', stderr: '' });
  expect(setting.api.requests('PATCH /api/servers/web1')[0]?.body).toEqual({
    values: { host_key: null },
    fields: { rack: 3, tags: [] },
  });
  expect((await setting.run(['server', 'edit', 'web1'])).code).toBe(2);
});

test('list asks for every page and filters by built-in and custom fields', async () => {
  setting.api.on('GET /api/servers', (request, response) => {
    const first: Page<Entity> = { items: [server], next: 'p2' };
    const last: Page<Entity> = { items: [{ ...server, id: 's2' }], next: null };
    sendJson(response, request.query.after === 'p2' ? last : first);
  });
  const words = ['servers', 'list', '--cluster', 'main', '--rack', '7', '--no-web', '--search', 'w', '--json'];
  const result = await setting.run(words);
  expect((JSON.parse(result.stdout) as Entity[]).map(each => each.id)).toEqual(['s1', 's2']);
  const filter = { cluster: 'c1', 'fields.rack': '7', web: 'false', search: 'w' };
  expect(setting.api.requests('GET /api/servers').map(request => request.query)).toEqual([
    filter,
    { ...filter, after: 'p2' },
  ]);
});

test('a list is a table with names of what is referred to, no wider than the terminal', async () => {
  const long = entityView('server', 's2', { ...server.values, name: 'w'.repeat(70) });
  setting.api.answer<Page<Entity>>('GET /api/servers', { items: [server, long], next: null });
  setting.api.answer<Page<Entity>>('GET /api/clusters', { items: [cluster], next: null });
  const result = await setting.run(['server', 'list'], { variables: { COLUMNS: '80' } });
  const lines = result.stdout.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^NAME +STATE +CLUSTER +CONNEC/);
  expect(lines[1]).toMatch(/^web1 +new +main +ssh +web1\.example/);
  expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(80);
});

test('show prints the labels of fields, names of references, and no secret', async () => {
  setting.api.answer('GET /api/servers/web1', {
    ...server,
    values: { ...server.values, ssh_key: { $secret: 'x1' } },
    fields: { rack: 7 },
    references: { cluster: { id: 'c1', kind: 'cluster', name: 'main', state: 'new' } },
  });
  const { stdout } = await setting.run(['server', 'show', 'web1']);
  expect(stdout).toMatch(/^Server web1\n/);
  expect(stdout).toMatch(/\nCluster +main \(c1\)\n/);
  expect(stdout).toMatch(/\nSSH private key +\(set\)\n/);
  expect(stdout).toMatch(/\nRack +7\n/);
});

test('show says when cron ran last, what came of it, and why it was left out since', async () => {
  const cron = {
    at: '2026-11-01T03:00:00.000Z',
    seconds: 3.25,
    state: 'failed',
    words: 'The moon is away.',
    failures: 4,
  };
  setting.api.answer('GET /api/environments/blog', {
    ...{ ...server, kind: 'environment', values: { name: 'blog' }, references: {} },
    cron: { ...cron, skippedAt: '2026-11-01T03:15:00.000Z', skippedBecause: 'The Environment is disabled.' },
  });
  const { stdout } = await setting.run(['environment', 'show', 'blog']);
  expect(stdout).toMatch(
    /\nLast run of cron +2026-11-01 .*, 3\.3 s, failed, 4 times in a row\n +The moon is away\.\n +left out .*: The Environment is disabled\.\n/,
  );
});

test('delete says what is in the way', async () => {
  setting.api.refuse('DELETE /api/servers/web1', { status: 409, title: 'Conflict', detail: 'blog still runs on it.' });
  expect(await setting.run(['server', 'delete', 'web1'])).toEqual({
    code: 2,
    stdout: '',
    stderr: 'error: blog still runs on it.\n',
  });
});

test('retention says of each backup of an Environment why it stays, or that it goes', async () => {
  const fate = { state: 'proven', madeAt: '2026-11-01T03:00:00.000Z', bytes: 7 };
  const view = {
    rule: 'last 1',
    of: 'cluster',
    safetyDays: 7,
    fates: [
      { id: 'b2', name: 'shop 2', ...fate, reasons: ['the newest', 'one of the last 1'] },
      { id: 'b1', name: 'shop 1', ...fate, reasons: [] },
    ],
  };
  setting.api.answer('GET /api/environments/shop/retention', view);
  const { stdout } = await setting.run(['environment', 'retention', 'shop']);
  expect(stdout).toMatch(/^Its Cluster’s rule: last 1; none goes that is younger than 7 days\.\n/);
  expect(stdout).toMatch(/\nshop 2 .* proven +the newest; one of the last 1\n/);
  expect(stdout).toMatch(/\nshop 1 .* proven +GOES, as no rule keeps it\n/);
  expect(JSON.parse((await setting.run(['environment', 'retention', 'shop', '--json'])).stdout)).toEqual(view);
});
