// The smaller pieces of `npm start`, each by itself; the whole is in test/start.start.test.ts.

import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readConfig, settings } from '../config.ts';
import { askSite } from '../test/start-clone.ts';
import { locateCaddy, startCaddy } from './caddy.ts';
import { renderEnvironment, renderPlainEnvironment } from './environment.ts';
import { holdHome, keepPassword, openHome } from './home.ts';
import { freePort, refuseTakenPorts } from './ports.ts';
import { keepSampleRepository } from './sample-repository.ts';
import { readLeftMark, removeStatus, writeStatus } from './status.ts';
import { findProgram, renderArguments } from './temporal.ts';

const root = join(import.meta.dirname, '..');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aegir-pieces-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('settings', () => {
  test('.env.example lists every setting with its default, and nothing else', () => {
    const lines = readFileSync(join(root, '.env.example'), 'utf8').split('\n');
    const listed = lines.filter(line => /^[A-Z]/.test(line)).map(line => line.split('='));
    expect(Object.fromEntries(listed)).toEqual(settings);
  });

  test('a part reads the same settings as the supervisor, wherever it lies', () => {
    const given = { AEGIR_HOME: folder, AEGIR_PORT: '9001', AEGIR_ROLES_PATH: '/a:/b', AEGIR_SECRET_KEY: 'k' };
    const config = readConfig(given, root);
    const environment = renderEnvironment({}, config, { databaseUrl: 'postgres://x/y', mark: 'm' });
    expect(readConfig(environment, root)).toEqual({ ...config, databaseUrl: 'postgres://x/y' });
  });

  test('proxies are addresses and networks, or none; every mistake is named', () => {
    const proxiesOf = (AEGIR_TRUSTED_PROXIES: string) => readConfig({ AEGIR_TRUSTED_PROXIES }, root).api.proxies;
    expect(proxiesOf('')).toEqual(['127.0.0.1', '::1']);
    expect(proxiesOf('10.0.0.0/8, 2001:db8::/32')).toEqual(['10.0.0.0/8', '2001:db8::/32']);
    const none = readConfig({ AEGIR_TRUSTED_PROXIES: 'none' }, root);
    expect(none.api.proxies).toEqual([]);
    expect(readConfig(renderEnvironment({}, none, { databaseUrl: '', mark: 'm' }), root).api.proxies).toEqual([]);
    for (const wrong of ['proxy', '10.0.0.0/33', '::/129', '10.0.0.0/8/8', '10.0.0.0/x'])
      expect(() => proxiesOf(wrong)).toThrow(`"${wrong}" is neither an address nor a network`);
  });

  test('parts that are not ours see no setting and no secret', () => {
    const plain = renderPlainEnvironment({ PATH: '/bin', AEGIR_SECRET_KEY: 'k', TOKEN: 't' }, 'm');
    expect(plain).toEqual({ PATH: '/bin', AEGIR_STARTED_BY: 'm' });
  });
});

describe('the data folder', () => {
  test('it is made for its owner alone, and its password stays the same', () => {
    const home = join(folder, 'deep', 'home');
    openHome(home);
    expect(statSync(home).mode & 0o777).toBe(0o700);
    const password = keepPassword(home);
    expect(keepPassword(home)).toBe(password);
    expect(statSync(join(home, 'database-password')).mode & 0o777).toBe(0o600);
  });

  test('a folder that cannot be made is named, with what to do', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(() => openHome(join(folder, 'file', 'home'))).toThrow(/cannot be written .*AEGIR_HOME/);
  });

  test('it is held by one at a time, and by no dead process, also when its id was given away', () => {
    const release = holdHome(folder, 'http://localhost:1');
    expect(() => holdHome(folder, 'http://localhost:1')).toThrow(`process ${process.pid}, http://localhost:1`);
    release();
    writeFileSync(join(folder, 'aegir.pid'), `${process.pid} another start time\n`);
    holdHome(folder, '')();
    expect(existsSync(join(folder, 'aegir.pid'))).toBe(false);
  });

  test('the mark of a start that was killed is found by the next one', () => {
    expect(readLeftMark(folder)).toBe('');
    writeStatus(folder, { pid: 1, mark: '1-2', addresses: { aegir: '', console: '', site: '' }, parts: [] });
    expect(readLeftMark(folder)).toBe('1-2');
    removeStatus(folder);
    expect(readLeftMark(folder)).toBe('');
  });
});

describe('ports', () => {
  const wanted = (port: number) => ({ setting: 'AEGIR_WEB_PORT', host: '127.0.0.1', port, what: 'sites' }) as const;

  test('a taken one is named with the setting that moves it', async () => {
    const server = createServer();
    const port = await freePort();
    await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve));
    const outcome = refuseTakenPorts([wanted(port)], 0);
    await expect(outcome).rejects.toThrow(
      `Port ${port} for sites is taken by another program: stop that one, or set AEGIR_WEB_PORT`,
    );
    await new Promise(resolve => server.close(resolve));
    await refuseTakenPorts([wanted(port)], 0);
  });

  test('two settings with one port are refused', async () => {
    const both = [wanted(9000), { ...wanted(9000), setting: 'AEGIR_PORT' } as const];
    await expect(refuseTakenPorts(both, 0)).rejects.toThrow('AEGIR_WEB_PORT and AEGIR_PORT are both 9000');
  });
});

describe('Temporal', () => {
  const options = { binary: '', dataFolder: '/data', port: 1, namespace: 'n', logFile: '' };

  test('it listens on loopback only, and survives a power cut', () => {
    const argv = renderArguments(options).join(' ');
    expect(argv).toContain('--ip 127.0.0.1 --port 1 --namespace n --db-filename /data/temporal.db');
    expect(argv).toContain('--sqlite-pragma synchronous=2');
    expect(argv).toContain('--headless');
  });

  test('its console lies below the path of Aegir and decodes through Aegir', () => {
    const console = { port: 2, publicPath: '/temporal', codecEndpoint: 'http://a/api/codec' };
    const argv = renderArguments({ ...options, console }).join(' ');
    expect(argv).toContain(
      '--ui-ip 127.0.0.1 --ui-port 2 --ui-public-path /temporal --ui-codec-endpoint http://a/api/codec',
    );
  });

  test('a program that is nowhere is named, with what installs it', () => {
    expect(() => findProgram('temporal', [folder])).toThrow(
      'The program "temporal" is missing: run "node install.mjs"',
    );
  });
});

describe('Caddy', () => {
  test('its admin socket has a short and steady path, whatever the data folder is called', () => {
    const { socket } = locateCaddy(`/${'long/'.repeat(40)}`);
    expect(socket.length).toBeLessThan(100);
    expect(locateCaddy(`/${'long/'.repeat(40)}`).socket).toBe(socket);
    expect(locateCaddy('/short').socket).toBe('/short/server/caddy/admin.sock');
  });

  test('it serves the sites of its folder, and says so for names that it does not know', async () => {
    const home = join(folder, 'a folder with spaces', 'x'.repeat(90));
    const paths = locateCaddy(home);
    mkdirSync(paths.sites, { recursive: true });
    writeFileSync(join(paths.sites, 'one.caddy'), 'http://one.localhost {\n\trespond "one"\n}\n');
    const binary = findProgram('caddy', [join(root, '.cache', 'python', 'bin')]);
    const port = await freePort();
    const running = await startCaddy({ ...paths, binary, port, logFile: join(folder, 'log') });
    try {
      expect(await askSite(port, 'one.localhost')).toEqual({ status: 200, text: 'one' });
      expect(await askSite(port, 'two.localhost')).toMatchObject({ status: 404 });
    } finally {
      await running.stop();
      rmSync(join(paths.socket, '..'), { recursive: true, force: true });
    }
  });
});

test('the sample repository has the same commit everywhere and is made once', () => {
  const commit = (home: string) => {
    const url = keepSampleRepository(home, root);
    return spawnSync('git', ['ls-remote', url, 'main'], { encoding: 'utf8' }).stdout.split('\t')[0];
  };
  expect(commit(join(folder, 'a'))).toMatch(/^[0-9a-f]{40}$/);
  expect(commit(join(folder, 'b with space'))).toBe(commit(join(folder, 'a')));
});

describe('./aegir', () => {
  test('it works through a link and from any folder', () => {
    symlinkSync(join(root, 'aegir'), join(folder, 'link'));
    symlinkSync('link', join(folder, 'second'));
    const result = spawnSync(join(folder, 'second'), ['--help'], { cwd: '/', encoding: 'utf8' });
    expect(result.stdout).toContain('Usage: aegir');
  });

  test('before the installation it says what to do', () => {
    writeFileSync(join(folder, 'aegir'), readFileSync(join(root, 'aegir')), { mode: 0o755 });
    const result = spawnSync(join(folder, 'aegir'), [], { encoding: 'utf8' });
    expect(result).toMatchObject({ status: 1, stderr: expect.stringContaining('run "npm start"') });
  });
});

test('an installation that is complete is left as it is, without a word', () => {
  const install = () => spawnSync(process.execPath, [join(root, 'install.mjs')], { encoding: 'utf8' });
  expect(install().status).toBe(0);
  expect(install()).toMatchObject({ status: 0, stdout: '', stderr: '' });
});
