// `npm start` in a fresh clone, as root and as an ordinary user: from nothing to the sample site, and to nothing again.

import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OperationSummary, Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import type { Running } from '../start/launch.ts';
import { createLocalApi } from '../start/local-api.ts';
import { readProcess, signal } from '../start/process-tree.ts';
import { type Account, askSite, type Clone, itself, makeAccount, makeClone, waitFor } from './start-clone.ts';

const isRoot = process.getuid?.() === 0;
// Everything is found by /proc, and another account is made by useradd.
const canRun = process.platform === 'linux';

describe.skipIf(!canRun || !isRoot)('as root', () => startAndStop(() => itself));
describe.skipIf(!canRun)('as an ordinary user', () => startAndStop(() => (isRoot ? makeAccount() : itself)));

function startAndStop(open: () => Account): void {
  let account: Account;
  let clone: Clone;
  let running: Running | undefined;
  let operations: string[];
  let archive: string;
  let passphrase: string;

  beforeAll(async () => {
    account = open();
    clone = await makeClone(account);
    [archive, passphrase] = [join(clone.folder, '..', 'archive'), join(clone.folder, '..', 'passphrase')];
  });

  afterAll(async () => {
    await running?.stop();
    clone.remove();
    account.remove();
  });

  const api = (home = clone.home) =>
    createLocalApi(`http://127.0.0.1:${clone.apiPort}`, join(home, 'local-token'), new AbortController().signal);
  const site = () => askSite(clone.webPort, 'hello.localhost');
  const start = async () => {
    running = await clone.start();
    return running;
  };
  const stopBy = async (name: NodeJS.Signals) => {
    signal(running?.pid ?? 0, name);
    await running?.exited;
  };

  test('a fresh clone shows the sample site after one command', async () => {
    const output = (await start()).output();
    expect(output).toContain('Ctrl-C stops everything');
    expect(output).toContain(`http://localhost:${clone.apiPort}/sign-in?`);
    expect(output).toContain(`http://hello.localhost:${clone.webPort}`);
    expect(output).toContain(`http://localhost:${clone.apiPort}/temporal`);
    const page = await site();
    expect(page).toEqual({ status: 200, text: expect.stringContaining('Hello from Aegir') });
  });

  test('the Operations that installed it are there to look at, and have succeeded', async () => {
    const { items } = await api().get<Page<OperationSummary>>('/api/operations');
    operations = items.map(({ id }) => id);
    const found = Object.fromEntries(items.map(({ type, state }) => [type, state]));
    expect(found).toMatchObject({ build_release: 'succeeded', install_environment: 'succeeded' });
  });

  test('status on the command line tells every part and its health', () => {
    const { code, text } = clone.run('./aegir', ['status', '--json']);
    expect(code).toBe(0);
    for (const name of ['postgres', 'temporal', 'caddy', 'api', 'worker']) expect(text).toContain(`"${name}"`);
    expect(clone.status().parts.map(({ state }) => state)).toEqual(Array(5).fill('ready'));
  });

  test('a backup of it is made while it runs', () => {
    writeFileSync(passphrase, 'correct horse battery\n');
    const { code, text } = clone.run('./aegir', ['backup', archive, '--passphrase', `@${passphrase}`]);
    expect(code, text).toBe(0);
    expect(text).toContain(`copy its folder ${join(clone.home, 'backups')}`);
    expect(text).toContain('sites on this machine itself (Server this-machine): hello');
  });

  test('a second start with the same data is refused in a sentence', async () => {
    const second = clone.run('npm', ['start']);
    expect(second.code).toBe(1);
    expect(second.text).toContain('Aegir is running already');
    expect((await site()).status).toBe(200);
  });

  test('a killed API is started again, and that is said', async () => {
    const before = clone.status().parts.find(({ name }) => name === 'api')?.pid ?? 0;
    signal(before, 'SIGKILL');
    await waitFor(() => running?.output().includes('api was ended by SIGKILL') === true, 20_000);
    await waitFor(() => clone.status().parts.some(part => part.name === 'api' && part.state === 'ready'), 60_000);
    expect(clone.status().parts).toContainEqual(expect.objectContaining({ name: 'api', restarts: 1 }));
    await api().get('/api/session');
  });

  test('SIGTERM to npm leaves no process, and the next start has the same data', async () => {
    const environments = (await api().get<Page<Entity>>('/api/environments')).items;
    const operations = (await api().get<Page<OperationSummary>>('/api/operations')).items;
    await stopBy('SIGTERM');
    expect(clone.processes()).toEqual([]);
    expect(running?.output()).toContain('Stopped.');

    await start();
    expect((await site()).status).toBe(200);
    expect((await api().get<Page<Entity>>('/api/environments')).items).toEqual(environments);
    expect((await api().get<Page<OperationSummary>>('/api/operations')).items).toEqual(operations);
  });

  test('a killed supervisor takes its parts along, and the next start works', async () => {
    const supervisor = readProcess(clone.status().pid);
    signal(supervisor?.pid ?? 0, 'SIGKILL');
    await running?.exited;
    await waitFor(() => clone.processes().length === 0, 20_000);

    await start();
    expect((await site()).status).toBe(200);
    await stopBy('SIGINT');
    expect(clone.processes()).toEqual([]);
  });

  test('the backup comes up with another data folder: the same rows, and no second sample', async () => {
    const home = join(clone.folder, '..', 'elsewhere');
    const there = { AEGIR_HOME: home };
    const restored = clone.run('./aegir', ['restore', archive, '--passphrase', `@${passphrase}`], there);
    expect(restored.code, restored.text).toBe(0);
    running = await clone.start(there);
    expect(running.output()).toContain(
      'The Server this-machine has been changed to the settings: base_path, web_settings',
    );
    const { items } = await api(home).get<Page<OperationSummary>>('/api/operations');
    expect(items.map(({ id }) => id)).toEqual(operations);
    await stopBy('SIGTERM');
    expect(clone.processes()).toEqual([]);
  });

  test('a taken port is named with the setting that moves it', async () => {
    const other = createServer();
    await new Promise<void>(resolve => other.listen(clone.webPort, '127.0.0.1', resolve));
    try {
      const { code, text } = clone.run('npm', ['start']);
      expect(code).toBe(1);
      expect(text).toContain(`Port ${clone.webPort} for the sites of this machine is taken by another program`);
      expect(text).toContain('AEGIR_WEB_PORT');
    } finally {
      await new Promise(resolve => other.close(resolve));
    }
  });

  test('a data folder that cannot be written is named', () => {
    // A mode would not stop root; a file in the place of the folder stops everybody.
    const blocked = join(clone.folder, '..', 'blocked');
    writeFileSync(blocked, '');
    const { code, text } = clone.run('npm', ['start'], { AEGIR_HOME: join(blocked, 'data') });
    expect(code).toBe(1);
    expect(text).toContain(`The data folder ${join(blocked, 'data')} cannot be written`);
  });

  test('a missing Python is named, with what to install', () => {
    const complete = join(clone.folder, '.cache', 'python', '.complete');
    renameSync(complete, `${complete}.aside`);
    try {
      const { code, text } = clone.run('npm', ['start'], { PATH: pathWithoutPython(clone) });
      expect(code).toBe(1);
      expect(text).toContain('Aegir needs Python 3.11 or newer with the module venv; no Python was found.');
    } finally {
      renameSync(`${complete}.aside`, complete);
    }
  });
}

/** A folder with links to everything on PATH but Python. */
function pathWithoutPython(clone: Clone): string {
  const folder = join(clone.folder, '..', 'programs');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  const search = `for d in $(echo "$PATH" | tr '${delimiter}' ' '); do [ -x "$d/$1" ] && echo "$d/$1" && break; done`;
  for (const name of ['node', 'npm', 'sh', 'bash', 'env', 'git', 'uname', 'setpriv']) {
    const file = clone.run('sh', ['-c', search, 'sh', name]).text.trim();
    if (file) symlinkSync(file, join(folder, name));
  }
  return folder;
}
