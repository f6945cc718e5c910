// The Temporal development server of one machine, with a file as its database and the console on loopback.

import { accessSync, constants, mkdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { AppError } from '../model/errors.ts';
import { launch, type Running, waitUntilReady } from './launch.ts';

/** On the console's own host, by whatever name that is reached: the browser sends the session there and no other site's. */
export const codecEndpoint = '/api/codec';

export interface TemporalOptions {
  binary: string;
  dataFolder: string;
  port: number;
  namespace: string;
  logFile: string;
  environment?: NodeJS.ProcessEnv;
  /** Gives the start up. */
  signal?: AbortSignal;
  /** `name=value`, beside our own. */
  dynamicConfiguration?: string[];
  /** False for throw-away data: faster, and lost at a power cut. */
  durable?: boolean;
  /** Left out: no console. */
  console?: { port: number; publicPath: string; codecEndpoint: string };
}

export interface RunningTemporal extends Running {
  address: string;
}

// Each history shard polls its queues 20 times a second by default, which adds 50 ms to every activity.
const dynamicConfiguration = [
  'history.transferProcessorMaxPollRPS=2000',
  'history.visibilityProcessorMaxPollRPS=2000',
  'history.timerProcessorMaxPollRPS=2000',
  'system.enableActivityEagerExecution=true',
];

// A month of closed runs to look at in the console; the server's own default is a day.
const retention = '30 days';

export async function startTemporal(options: TemporalOptions): Promise<RunningTemporal> {
  mkdirSync(options.dataFolder, { recursive: true, mode: 0o700 });
  const running = await launch({
    command: options.binary,
    args: renderArguments(options),
    logFile: options.logFile,
    environment: options.environment ?? process.env,
    graceMs: 10_000,
  });
  const address = `127.0.0.1:${options.port}`;
  try {
    await waitUntilReady(running, {
      what: 'Temporal',
      logFile: options.logFile,
      // It answers within 2 s; a large database on a slow disk may need more.
      timeoutMs: 60_000,
      signal: options.signal,
      check: () => keepRunsForAMonth(address, options.namespace),
    });
  } catch (error) {
    await running.stop();
    throw error;
  }
  return { ...running, address };
}

export function renderArguments(options: TemporalOptions): string[] {
  const { console } = options;
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(options.port)],
    ...['--namespace', options.namespace, '--db-filename', join(options.dataFolder, 'temporal.db')],
    // synchronous=2 keeps finished steps through a power cut, at a quarter of the throughput.
    ...['--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', `synchronous=${options.durable === false ? 0 : 2}`],
    ...['--log-level', 'warn'],
    ...[...dynamicConfiguration, ...(options.dynamicConfiguration ?? [])].flatMap(value => [
      '--dynamic-config-value',
      value,
    ]),
    ...(console
      ? ['--ui-ip', '127.0.0.1', '--ui-port', String(console.port), '--ui-public-path', console.publicPath]
      : ['--headless']),
    ...(console ? ['--ui-codec-endpoint', console.codecEndpoint, '--ui-disable-news-fetch'] : []),
  ];
}

/** True when the namespace answers; sets its retention, which the command line cannot. */
async function keepRunsForAMonth(address: string, namespace: string): Promise<boolean> {
  // Loaded while the server starts: a quarter of a second of every start.
  const [{ Connection }, { msToTs }] = await Promise.all([
    import('@temporalio/client'),
    import('@temporalio/common/lib/time.js'),
  ]);
  const connection = await Connection.connect({ address, connectTimeout: 1000 }).catch(() => undefined);
  if (!connection) return false;
  try {
    await connection.workflowService.updateNamespace({
      namespace,
      config: { workflowExecutionRetentionTtl: msToTs(retention) },
    });
    return true;
  } catch {
    return false;
  } finally {
    await connection.close();
  }
}

/** The program of the system first, then the pinned one beside `python`. */
export function findTemporal(path: string, pythonFolder: string): string {
  return findProgram('temporal', [...path.split(delimiter).filter(Boolean), pythonFolder]);
}

export function findProgram(name: string, folders: string[]): string {
  const found = folders.map(folder => join(folder, name)).find(isExecutable);
  if (found) return found;
  throw new AppError('unavailable', `The program "${name}" is missing: run "node install.mjs", which installs it.`);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
