// A fresh clone of what is committed, in a folder of its own, started the way people do it: `npm start`.

import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SettingName } from '../config.ts';
import { launch, type Running } from '../start/launch.ts';
import { freePort } from '../start/ports.ts';
import { listProcesses } from '../start/process-tree.ts';
import type { Status } from '../start/status.ts';

const root = join(import.meta.dirname, '..');

export interface Account {
  uid: number;
  gid: number;
  /** Put before a command that is to run as this account. */
  wrapper: string[];
  remove(): void;
}

export interface Clone {
  folder: string;
  home: string;
  webPort: number;
  apiPort: number;
  environment: NodeJS.ProcessEnv;
  /** Runs until it says that it is ready, or ends. */
  start(changes?: NodeJS.ProcessEnv): Promise<Running>;
  /** Runs a program of the clone to its end. */
  run(command: string, args: string[], changes?: NodeJS.ProcessEnv): { code: number; text: string };
  status(): Status;
  /** Command lines of processes that belong to the clone, by folder, data or environment. */
  processes(): string[];
  remove(): void;
}

export const itself: Account = {
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  wrapper: [],
  remove: () => undefined,
};

/** An account for the time of a test; only root can make one. */
export function makeAccount(): Account {
  const name = `aegir-test-${process.pid}`;
  const made = spawnSync('useradd', ['--no-create-home', '--user-group', '--shell', '/bin/sh', name], {
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`useradd failed: ${made.stderr}`);
  const id = (option: string) => Number(spawnSync('id', [option, name], { encoding: 'utf8' }).stdout);
  const [uid, gid] = [id('-u'), id('-g')];
  return {
    ...{ uid, gid },
    wrapper: ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--'],
    remove: () => {
      spawnSync('userdel', [name]);
      // Where fence.py keeps what it knows of runs when an account has no home.
      rmSync(`/var/tmp/aegir-fences-${uid}`, { recursive: true, force: true });
    },
  };
}

export async function makeClone(account: Account): Promise<Clone> {
  const base = mkdtempSync(join(tmpdir(), 'aegir-start-'));
  const [folder, home, userHome] = [join(base, 'aegir'), join(base, 'data'), join(base, 'home')];
  mkdirSync(userHome);
  for (const each of [base, userHome]) chownSync(each, account.uid, account.gid);
  const environment = await makeEnvironment(base, userHome, account);
  const run = (command: string, args: string[], changes: NodeJS.ProcessEnv = {}) => {
    const argv = [...account.wrapper, command, ...args];
    const env = { ...environment, ...changes };
    const result = spawnSync(argv[0] ?? '', argv.slice(1), { cwd: folder, env, encoding: 'utf8' });
    return { code: result.status ?? -1, text: `${result.stdout}${result.stderr}` };
  };
  cloneHead(folder, account);
  return {
    ...{ folder, home, environment, run },
    webPort: Number(environment.AEGIR_WEB_PORT),
    apiPort: Number(environment.AEGIR_PORT),
    start: changes => startClone({ folder, base, account, environment: { ...environment, ...changes } }),
    status: () => JSON.parse(readFileSync(join(home, 'status.json'), 'utf8')) as Status,
    processes: () => processesOf(base),
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}

/** What a login gives, with ports of its own; nothing of this test run, such as its Node. */
async function makeEnvironment(base: string, userHome: string, account: Account): Promise<NodeJS.ProcessEnv> {
  const names: SettingName[] = [
    ...(['AEGIR_PORT', 'AEGIR_WEB_PORT', 'AEGIR_DATABASE_PORT'] as const),
    ...(['AEGIR_TEMPORAL_PORT', 'AEGIR_CONSOLE_PORT'] as const),
  ];
  const ports: [string, string][] = [];
  for (const name of names) ports.push([name, String(await freePort())]);
  const folders = (process.env.PATH ?? '').split(delimiter).filter(folder => !folder.includes('node_modules'));
  // Registries and certificates are the machine's affair.
  const kept = Object.entries(process.env).filter(([name]) =>
    /^(https?_proxy|no_proxy|PIP_|SSL_|NODE_EXTRA)/i.test(name),
  );
  const cache = spawnSync('npm', ['config', 'get', 'cache'], { encoding: 'utf8' }).stdout.trim();
  return {
    ...Object.fromEntries(kept),
    ...Object.fromEntries(ports),
    ...{
      PATH: folders.join(delimiter),
      HOME: userHome,
      LANG: 'C.UTF-8',
      TMPDIR: tmpdir(),
      AEGIR_HOME: join(base, 'data'),
    },
    // Whoever runs the tests shares the machine's cache; for an account that was just made it is closed.
    // The usual folder of root for what is known of runs is the machine's own, too.
    ...(account === itself
      ? { npm_config_cache: cache, npm_config_prefer_offline: 'true', AEGIR_RUN_FOLDER: base }
      : {}),
  };
}

function cloneHead(folder: string, account: Account): void {
  const result = spawnSync('git', ['clone', '--quiet', '--no-local', root, folder], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`git clone failed: ${result.stderr}`);
  const owner = spawnSync('chown', ['-R', `${account.uid}:${account.gid}`, folder]);
  if (owner.status !== 0) throw new Error('chown failed');
}

async function startClone(options: {
  folder: string;
  base: string;
  account: Account;
  environment: NodeJS.ProcessEnv;
}): Promise<Running> {
  const { folder, base, account, environment } = options;
  const running = await launch({
    command: 'npm',
    args: ['start'],
    wrapper: account.wrapper,
    folder,
    environment,
    logFile: join(base, 'start.log'),
    // Longer than all the grace times of the parts.
    graceMs: 60_000,
  });
  await waitFor(() => running.hasExited() || running.output().includes('Ctrl-C stops everything'), 540_000);
  return running;
}

function processesOf(base: string): string[] {
  return listProcesses().flatMap(({ pid }) => {
    const read = (name: string) => {
      try {
        return name === 'cwd' ? readlinkSync(`/proc/${pid}/cwd`) : readFileSync(`/proc/${pid}/${name}`, 'utf8');
      } catch {
        return '';
      }
    };
    const isOurs = pid !== process.pid && ['cmdline', 'cwd', 'environ'].some(name => read(name).includes(base));
    return isOurs ? [`${pid} ${read('cmdline').replaceAll('\0', ' ')}`] : [];
  });
}

/** Asks a web server of this machine for the start page of a site by its name. */
export function askSite(port: number, name: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, headers: { host: name } }, response => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
    });
    call.once('error', reject);
    call.end();
  });
}

export async function waitFor(check: () => boolean | Promise<boolean>, timeoutMs: number): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`It has not come true within ${timeoutMs / 1000} s.`);
    await delay(100);
  }
}

/** Names of a folder; nothing where there is none. */
export function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
