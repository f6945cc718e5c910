// The local server of a first start: Caddy, no root, everything below one folder. The whole way of a site.

import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { locateCaddy, startCaddy } from '../start/caddy.ts';
import type { Running } from '../start/launch.ts';
import { freePort } from '../start/ports.ts';
import { commitFiles } from './git-server.ts';
import { type PlayOptions, type PlayResult, playRole, pythonBin, words } from './play-role.ts';

let folder: string;
let caddy: Running;
let port: number;
let hash: string;
let server: Record<string, unknown>;

beforeAll(async () => {
  // A space: people have folders with one.
  folder = join(await mkdtemp(join(tmpdir(), 'aegir-caddy-')), 'a folder');
  await mkdir(folder);
  const paths = locateCaddy(folder);
  port = await freePort();
  const binary = join(pythonBin, 'caddy');
  caddy = await startCaddy({ ...paths, binary, port, logFile: join(folder, 'caddy.log') });
  const settings = { binary, config: paths.config, sites: paths.sites, admin: `unix/${paths.socket}` };
  const base_path = join(folder, 'base');
  server = { base_path, web_service: 'caddy', web_port: port, web_settings: settings };
  hash = await commitFiles(join(folder, '..', 'site'), { 'index.html': '<h1>Hello</h1>', '.env': 'PASSWORD=x' });
}, 600_000);

afterAll(async () => {
  await caddy.stop();
  await rm(join(folder, '..'), { recursive: true, force: true });
});

async function play(role: string, values: Record<string, unknown>, options?: PlayOptions): Promise<PlayResult> {
  const result = await playRole(role, { ...server, ...values }, options);
  expect(result.code, result.output).toBe(0);
  return result;
}

/** The status and the text of a page, asked by name. */
function ask(name: string, path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, headers: { host: `${name}:${port}` } }, async response => {
      let text = '';
      for await (const part of response) text += part;
      resolve(`${response.statusCode} ${response.headers.location ? `to ${response.headers.location}` : text}`);
    });
    call.once('error', reject).end();
  });
}

async function installSite(environment_name: string, primary_name: string): Promise<number> {
  const repository = `file://${join(folder, '..', 'site')}`;
  const code = await play('deploy_release', { repository, hash, project_name: 'site' });
  const place = await play('prepare_environment', { environment_name });
  const environment_path = place.outputs.path;
  const install = await play('install_static', { environment_path, release_path: code.outputs.path, hash });
  const change = await play('switch_release', { environment_path, hash });
  const vhost = await play('write_vhost', { environment_name, primary_name, environment_path });
  expect(vhost.outputs.url).toBe(`http://${primary_name}:${port}`);
  const probe = await play('probe_environment', { primary_name, probe_text: 'Hello' });
  return [code, place, install, change, vhost, probe].reduce((sum, result) => sum + result.changed, 0);
}

test('a site is installed, answers under its name, and a second run changes nothing', async () => {
  await play('prepare_web_server', {}, { facts: true });
  expect(await installSite('hello', 'hello.localhost')).toBeGreaterThan(0);
  expect(await ask('hello.localhost')).toBe('200 <h1>Hello</h1>');
  expect(await ask('hello.localhost', '/.env')).toMatch(/^404/);
  expect(await ask('other.localhost')).toMatch(/^404/);
  expect(await installSite('hello', 'hello.localhost')).toBe(0);
  expect((await play('prepare_web_server', {}, { facts: true })).changed).toBe(0);
  const verified = await play('verify_server', {}, { facts: true });
  expect(verified.outputs).toMatchObject({ unprivileged: true, facts: { missing: [] } });
}, 600_000);

test('a configuration that Caddy refuses is taken back, and the site goes on', async () => {
  const values = { ...server, environment_path: join(folder, 'base/environments/hello') };
  const templates = { 'caddy.caddy.j2': 'http://bad.localhost:{{ web_port }} {\n  no_such_directive\n}\n' };
  const broken = await playRole(
    'write_vhost',
    { ...values, environment_name: 'bad', primary_name: 'bad.localhost' },
    { templates },
  );
  expect(broken.code).not.toBe(0);
  expect(words(broken)).toContain('unrecognized directive: no_such_directive');
  expect(existsSync(join(locateCaddy(folder).sites, 'bad.caddy'))).toBe(false);
  expect(await ask('hello.localhost')).toBe('200 <h1>Hello</h1>');
}, 600_000);

test('redirects, the other names, challenges and the maintenance file are as with nginx; PHP is refused in words', async () => {
  const environment_path = join(folder, 'base/environments/hello');
  const site = { environment_name: 'hello', primary_name: 'hello.localhost', environment_path };
  await play('write_vhost', {
    ...{ ...site, www: 'remove', aliases: ['alias.localhost', '*.hello.localhost'], redirect_aliases: true },
    redirect_names: ['former.localhost'],
    redirects: ['/old /new', '/x%20y https://other.test/ 308'],
  });
  await writeFile(join(folder, 'base/acme/token'), 'proof');
  await writeFile(join(environment_path, 'maintenance'), '');
  const proof = '/.well-known/acme-challenge/token';
  for (const name of ['hello', 'alias', 'www.hello']) expect(await ask(`${name}.localhost`, proof)).toBe('200 proof');
  expect(await ask('hello.localhost')).toMatch(/^503 .*being worked on/);
  await rm(join(environment_path, 'maintenance'));
  expect(await ask('hello.localhost')).toBe('200 <h1>Hello</h1>');
  expect(await ask('hello.localhost', '/old')).toBe('301 to /new');
  expect(await ask('hello.localhost', '/x%20y')).toBe('308 to https://other.test/');
  expect(await ask('www.hello.localhost', '/a')).toBe(`301 to http://hello.localhost:${port}/a`);
  expect(await ask('alias.localhost', '/a?b')).toBe(`301 to http://hello.localhost:${port}/a?b`);
  expect(await ask('any.hello.localhost', '/a')).toBe(`301 to http://hello.localhost:${port}/a`);
  expect(await ask('former.localhost', '/a')).toBe(`301 to http://hello.localhost:${port}/a`);
  const closed = await play('close_environment', { ...site, notice: 'In <winter>' });
  expect(closed.outputs.closed).toBe(true);
  for (const name of ['hello', 'alias', 'www.hello']) {
    for (const path of ['/', '/old']) expect(await ask(`${name}.localhost`, path)).toMatch(/^503 .*In &lt;winter&gt;/s);
    expect(await ask(`${name}.localhost`, proof)).toBe('200 proof');
  }
  expect((await play('stop_environment', { environment_name: 'hello' })).changed).toBe(0);
  expect((await play('start_environment', { environment_name: 'hello' })).changed).toBe(0);
  await play('open_environment', { environment_path });
  expect(await ask('hello.localhost')).toBe('200 <h1>Hello</h1>');
  const php = await playRole('write_vhost', { ...server, ...site, php: '/usr/bin/php8.2' });
  expect(words(php)).toContain('Sites with PHP or HTTPS need a Server with nginx');
  await play('write_vhost', { ...site, aliases: ['*.hello.localhost'] });
  expect(await ask('any.hello.localhost')).toBe('200 <h1>Hello</h1>');
  await play('write_vhost', site);
}, 600_000);

test('a service is refused in words, as there is no root', async () => {
  const result = await playRole('install_generic', {
    environment_name: 'hello',
    environment_path: join(folder, 'base/environments/hello'),
    release_path: join(folder, 'base/releases', `site-${hash}`),
    hash,
    service_command: ['./serve'],
  });
  expect(words(result)).toContain('A service needs root and systemd on the Server');
}, 600_000);

test('removing leaves nothing of the site', async () => {
  await play('remove_vhost', { environment_name: 'hello' });
  const removed = await play('remove_environment', { environment_name: 'hello' });
  expect(removed.outputs).toEqual({ deployed_hash: null });
  await play('remove_release', { project_name: 'site', hash });
  expect(await ask('hello.localhost')).toMatch(/^404/);
  expect(readdirSync(join(folder, 'base/environments'))).toEqual([]);
  expect(readdirSync(join(folder, 'base/releases'))).toEqual([]);
  expect(readdirSync(locateCaddy(folder).sites)).toEqual(['.lock']);
}, 600_000);
