// The parts of an Aegir of its own, each of which may be killed and comes back at the same place. Whoever ends by itself is
// started again, as systemd or `npm start` would.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorText } from '../../model/errors.ts';
import { launch, type Running, waitUntilReady } from '../../start/launch.ts';
import { startPostgres } from '../../start/postgres.ts';
import { findTemporal, startTemporal } from '../../start/temporal.ts';

export const partNames = ['postgres', 'temporal', 'api', 'worker'] as const;
export type PartName = (typeof partNames)[number];

export interface Part {
  /** Starts it and sees to it that it runs. */
  begin(): void;
  /** SIGKILL to all of it at once. It stays away until `begin`. */
  kill(): Promise<void>;
  /** As an operator stops it. */
  end(): Promise<void>;
  isUp(): boolean;
  /** How often it has ended by itself. */
  ends(): number;
  /** Why it does not come up. */
  problem(): string;
}

export interface Parts extends Record<PartName, Part> {
  home: string;
  url: string;
  /** Waits for all of them. */
  ready(timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
}

const installation = join(import.meta.dirname, '..', '..');
const python = join(installation, '.cache', 'python', 'bin');

/** A worker with its own view of processes, so that it cannot end by their ids what it has no business to see: that a
 * host's processes are listed in this machine's /proc is a property of the test hosts only. All of it dies at once. */
const ownProcesses = ['setpriv', '--pdeathsig', 'KILL', '--', 'unshare', '--fork', '--pid', '--mount-proc'].concat(
  '--kill-child=KILL',
);

export async function startParts(typesFolder: string): Promise<Parts> {
  const home = mkdtempSync(join(tmpdir(), 'aegir-crash-'));
  mkdirSync(join(home, 'runs'));
  const ports = { postgres: await quietPort(), temporal: await quietPort(), api: await quietPort() };
  const password = 'for-this-run-only';
  const environment: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOME: home,
    AEGIR_HOME: home,
    AEGIR_PORT: String(ports.api),
    AEGIR_RUN_FOLDER: join(home, 'runs'),
    AEGIR_DATABASE_URL: `postgres://aegir:${password}@127.0.0.1:${ports.postgres}/aegir`,
    TEMPORAL_ADDRESS: `127.0.0.1:${ports.temporal}`,
    AEGIR_ROLES_PATH: join(typesFolder, 'roles'),
    AEGIR_OPERATIONS_PATH: join(typesFolder, 'operations'),
  };
  const own = (name: string, wrapper: string[], check: (running: Running) => boolean | Promise<boolean>) => {
    return (signal: AbortSignal) => startOwn({ name, home, environment, wrapper, check, signal });
  };
  const url = `http://127.0.0.1:${ports.api}`;
  const isHealthy = async () => (await fetch(`${url}/api/session`).catch(() => null)) !== null;
  const parts: Record<PartName, Part> = {
    postgres: keep(signal =>
      // Durable: what was committed is there after a kill.
      startPostgres({
        ...{ dataFolder: join(home, 'postgres'), port: ports.postgres, password, signal },
        logFile: join(home, 'logs', 'postgres.log'),
      }),
    ),
    temporal: keep(signal =>
      startTemporal({
        ...{ binary: findTemporal(process.env.PATH ?? '', python), namespace: 'aegir', signal },
        ...{ dataFolder: join(home, 'temporal'), port: ports.temporal, logFile: join(home, 'logs', 'temporal.log') },
      }),
    ),
    api: keep(own('server', [], isHealthy)),
    worker: keep(own('worker', ownProcesses, running => running.output().includes('worker ready'))),
  };
  const all = partNames.map(name => parts[name]);
  const stop = async () => {
    for (const part of [parts.worker, parts.api, parts.temporal]) await part.kill();
    // Killed it would leave its shared memory on this machine.
    await parts.postgres.end();
    rmSync(home, { recursive: true, force: true });
  };
  const ready = async (timeoutMs: number) => {
    const end = Date.now() + timeoutMs;
    while (!all.every(part => part.isUp())) {
      const missing = partNames.filter(name => !parts[name].isUp()).map(name => `${name}: ${parts[name].problem()}`);
      if (Date.now() > end) throw new Error(`Not up after ${timeoutMs / 1000} s: ${missing.join('; ')}`);
      await delay(50);
    }
  };
  for (const part of all) part.begin();
  // A first start of the worker without the namespace that the API makes is tried again, like all of it.
  await ready(120_000).catch(async error => {
    await stop();
    throw error;
  });
  return { ...parts, home, url, ready, stop };
}

function keep(start: (signal: AbortSignal) => Promise<Running>): Part {
  let stopping = new AbortController();
  let over = Promise.resolve();
  let hurry = true;
  let running: Running | null = null;
  let ends = 0;
  let problem = '';
  const live = async (signal: AbortSignal) => {
    const aborted = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
    while (!signal.aborted) {
      const started = await start(signal).catch((error: unknown) => {
        problem = errorText(error);
        return null;
      });
      running = started;
      if (started) await Promise.race([started.exited, aborted]);
      running = null;
      await started?.stop(hurry);
      if (signal.aborted) return;
      if (started) ends += 1;
      await Promise.race([delay(1000), aborted]);
    }
  };
  return {
    begin() {
      stopping = new AbortController();
      over = live(stopping.signal);
    },
    async kill() {
      hurry = true;
      stopping.abort();
      await over;
    },
    async end() {
      hurry = false;
      stopping.abort();
      await over;
    },
    isUp: () => running !== null,
    ends: () => ends,
    problem: () => problem,
  };
}

async function startOwn(options: {
  name: string;
  home: string;
  environment: NodeJS.ProcessEnv;
  wrapper: string[];
  check(running: Running): boolean | Promise<boolean>;
  signal: AbortSignal;
}): Promise<Running> {
  const { name, home, environment, wrapper, check, signal } = options;
  const logFile = join(home, 'logs', `${name}.log`);
  const running = await launch({
    command: process.execPath,
    args: [join(installation, `${name}.ts`)],
    ...{ logFile, environment, wrapper, folder: installation },
  });
  try {
    await waitUntilReady(running, { what: name, logFile, timeoutMs: 60_000, check: () => check(running), signal });
  } catch (error) {
    await running.stop(true);
    throw error;
  }
  return running;
}

/** Below the ports that outgoing connections get: one of those would take the place of a part that is away. */
async function quietPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const isFree = await new Promise<boolean>(resolve => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (isFree) await new Promise(resolve => server.close(resolve));
    if (isFree) return port;
  }
}
