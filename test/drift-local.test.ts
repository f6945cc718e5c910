// Drift on the local server of a first start: Caddy, nothing isolated, everything below one folder.

import { appendFile, chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DriftView } from '../api/drift-contract.ts';
import { locateCaddy, startCaddy } from '../start/caddy.ts';
import type { Running } from '../start/launch.ts';
import { freePort } from '../start/ports.ts';
import { commitFiles } from './git-server.ts';
import { type Aegir, startAegir } from './harness.ts';
import { pythonBin } from './play-role.ts';

let folder: string;
let sites: string;
let caddy: Running;
let aegir: Aegir;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegir-drift-local-'));
  const paths = locateCaddy(folder);
  sites = paths.sites;
  const port = await freePort();
  const binary = join(pythonBin, 'caddy');
  caddy = await startCaddy({ ...paths, binary, port, logFile: join(folder, 'caddy.log') });
  await commitFiles(join(folder, 'site'), { 'index.html': '<h1>Hello</h1>' });
  aegir = await startAegir();
  const make = async (plural: string, values: Record<string, unknown>) => {
    const { status, body } = await aegir.call('POST', `/api/${plural}`, { values });
    expect(status, JSON.stringify(body)).toBe(201);
  };
  await make('clusters', { name: 'here', kind: 'servers' });
  await make('servers', {
    ...{ name: 'local', cluster: 'here', connection: 'local', python: join(pythonBin, 'python3') },
    ...{ web_service: 'caddy', web_port: port, base_path: join(folder, 'base') },
    web_settings: { binary, config: paths.config, sites: paths.sites, admin: `unix/${paths.socket}` },
  });
  await make('projects', { name: 'site', repository: `file://${join(folder, 'site')}`, application: 'static' });
  await make('releases', { name: 'v1', project: 'site', git_ref: 'main' });
  await make('environments', {
    name: 'hello',
    release: 'site/v1',
    web_server: 'local',
    primary_name: 'hello.localhost',
  });
}, 600_000);

afterAll(async () => {
  await aegir?.stop();
  await caddy?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function run(plural: string, name: string, type: string): Promise<DriftView> {
  const { id, state, message } = await aegir.run(plural, name, type);
  expect(state, `${type}: ${message}\n${await aegir.log(id)}`).toBe('succeeded');
  return (await aegir.call<DriftView>('GET', `/api/${plural}/${name}/drift`)).body;
}

const clean = { open: 0, parts: [], differences: [] };

test('what was just prepared and installed without root has no differences; what is changed by hand is found and put right', async () => {
  await run('servers', 'local', 'prepare_server');
  expect(await run('servers', 'local', 'check_server_drift')).toMatchObject(clean);
  await run('environments', 'hello', 'install_environment');
  expect(await run('environments', 'hello', 'check_drift')).toMatchObject(clean);

  const file = join(sites, 'hello.caddy');
  await appendFile(file, '# by hand\n');
  const folderOfFiles = join(folder, 'base/environments/hello/private');
  await chmod(folderOfFiles, 0o777);
  const { differences } = await run('environments', 'hello', 'check_drift');
  expect(differences.map(({ resource }) => resource).sort()).toEqual([join(folderOfFiles, '..'), file].sort());
  expect(JSON.stringify(differences)).toContain('-# by hand');
  expect(JSON.stringify(differences)).toContain(' 0777)');

  expect(await run('environments', 'hello', 'install_environment')).toMatchObject(clean);
  expect(await run('environments', 'hello', 'check_drift')).toMatchObject(clean);
}, 300_000);
