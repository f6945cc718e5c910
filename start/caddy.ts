// The web server of the machine's own sites: Caddy on loopback, without root, sites from a folder that Tasks write into.

import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../model/errors.ts';
import { launch, type Running, waitUntilReady } from './launch.ts';

export interface CaddyPaths {
  /** Private folder of this web server. */
  folder: string;
  config: string;
  sites: string;
  /** Path of the admin socket. */
  socket: string;
}

export interface CaddyOptions extends CaddyPaths {
  binary: string;
  port: number;
  logFile: string;
  environment?: NodeJS.ProcessEnv;
  /** Gives the start up. */
  signal?: AbortSignal;
}

/** The same for every start of a data folder, because the Server's `web_settings` name them. */
export function locateCaddy(home: string): CaddyPaths {
  const folder = join(home, 'server', 'caddy');
  const near = join(folder, 'admin.sock');
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 12);
  // macOS allows 103 bytes for the path of a socket, Linux 107.
  const socket = Buffer.byteLength(near) <= 100 ? near : join(tmpdir(), `aegir-${name}`, 'caddy.sock');
  return { folder, config: join(folder, 'Caddyfile'), sites: join(folder, 'sites'), socket };
}

export async function startCaddy(options: CaddyOptions): Promise<Running> {
  mkdirSync(options.sites, { recursive: true });
  makePrivate(join(options.socket, '..'));
  writeFileSync(options.config, renderCaddyfile(options));
  const running = await launch({
    command: options.binary,
    args: ['run', '--config', options.config, '--adapter', 'caddyfile'],
    logFile: options.logFile,
    environment: options.environment ?? process.env,
    // Downloads under way may end; pages are quicker.
    graceMs: 5000,
  });
  try {
    const check = () => answers(options.socket);
    await waitUntilReady(running, {
      what: 'Caddy',
      logFile: options.logFile,
      timeoutMs: 20_000,
      check,
      signal: options.signal,
    });
  } catch (error) {
    await running.stop();
    throw error;
  }
  return running;
}

export function renderCaddyfile({ folder, socket, port, sites }: Omit<CaddyOptions, 'binary' | 'logFile'>): string {
  return `# Written at each start. Sites are files of their own in ${sites}.
{
	admin "unix/${socket}"
	auto_https off
	persist_config off
	http_port ${port}
	default_bind 127.0.0.1
	grace_period 3s
	storage file_system "${join(folder, 'storage')}"
	log {
		level WARN
	}
}

http:// {
	respond "No site has this name here." 404
}

import "${sites}/*.caddy"
`;
}

/** Whoever may write into the folder of the admin socket could be the web server's master. */
function makePrivate(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(folder);
  const isOurs = lstatSync(folder).isDirectory() && (process.getuid === undefined || uid === process.getuid());
  if (isOurs && (mode & 0o022) === 0) return;
  throw new AppError('conflict', `The folder ${folder} is not private to this user: remove it and start again.`);
}

/** True when the admin socket answers. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise(resolve => {
    const call = request({ socketPath, path: '/config/', timeout: 1000 }, response => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    call.once('error', () => resolve(false));
    call.once('timeout', () => call.destroy(new Error('No answer.')));
    call.end();
  });
}
