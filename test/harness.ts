// A whole Aegir for a suite: its own database and namespace, the real server.ts and worker.ts as processes, and a client.

import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import pg from 'pg';
import { inject } from 'vitest';
import type { OperationView } from '../api/contract.ts';
import type { Choice } from '../model/attention.ts';
import type { Entity } from '../model/entities.ts';
import { isOver } from '../model/run.ts';
import { launch, type Running, waitUntilReady } from '../start/launch.ts';
import { freePort } from '../start/ports.ts';
import { type Answer, type CallOptions, callApi, localAuthorization } from './call-api.ts';

const installation = join(import.meta.dirname, '..');

export interface Aegir {
  url: string;
  home: string;
  databaseUrl: string;
  environment: NodeJS.ProcessEnv;
  worker: Running;
  server: Running;
  /** As the first administrator unless `token` says otherwise ('' = nobody). */
  call<T = unknown>(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Answer<T>>;
  /** What it answers; throws unless that is success. */
  send<T>(method: string, path: string, body?: unknown): Promise<T>;
  add(plural: string, values: Record<string, unknown>): Promise<Entity>;
  /** Starts an Operation and waits for its end: what needs attention is left as it is. @param id or name */
  run(plural: string, id: string, type: string, input?: Record<string, unknown>): Promise<OperationView>;
  /** The same; throws with its message and log unless it succeeds. */
  succeed: Aegir['run'];
  /** Its end; what needs attention is left as it is. */
  waitFor(operationId: string): Promise<OperationView>;
  /** Until it needs attention or is over. */
  waitUntilQuiet(operationId: string): Promise<OperationView>;
  decide(operation: OperationView, choice: Choice, inputs?: Record<string, Record<string, unknown>>): Promise<void>;
  log(operationId: string): Promise<string>;
  /** @param environment over that of the suite. */
  startWorker(environment?: Record<string, string>): Promise<Running>;
  /** Again, at the same address, after `server.stop()`. */
  startServer(): Promise<Running>;
  stop(): Promise<void>;
}

export interface AegirOptions {
  /** Folder with roles/, operations/, applications/ beside ours. */
  types?: string;
  host?: string;
  /** Over the settings that every suite gets. */
  environment?: Record<string, string>;
  /** A copy of this tree, with changes. */
  installation?: string;
  /** Others than those of the run of the tests. */
  engines?: Engines;
}

export interface Engines {
  databaseUrl: string;
  temporalAddress: string;
}

const sharedEngines = (): Engines => ({
  databaseUrl: inject('databaseUrl'),
  temporalAddress: inject('temporalAddress'),
});

/** A database of its own within the run's PostgreSQL. */
export async function createDatabase(
  server = sharedEngines().databaseUrl,
): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = async (text: string) => {
    const client = new pg.Client({ connectionString: server });
    await client.connect();
    await client.query(text).finally(() => client.end());
  };
  await admin(`create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => admin(`drop database ${name} with (force)`) };
}

export async function startAegir(options: AegirOptions = {}): Promise<Aegir> {
  const { installation: folder = installation } = options;
  const home = mkdtempSync(join(tmpdir(), 'aegir-home-'));
  // What is known of runs on this machine is not to outlive the test.
  const runFolder = join(home, 'runs');
  mkdirSync(runFolder);
  // Named by their sources, as all suites have them.
  const bundles = join(installation, '.cache/workflow-bundles');
  mkdirSync(bundles, { recursive: true });
  symlinkSync(bundles, join(home, 'workflow-bundles'));
  const { databaseUrl, temporalAddress } = options.engines ?? sharedEngines();
  const database = await createDatabase(databaseUrl);
  const port = await freePort();
  const types = (folder: string) => (options.types ? join(options.types, folder) : '');
  const environment: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    // As `npm start` has it: most of a short start is reading the program otherwise.
    NODE_COMPILE_CACHE: join(installation, '.cache/compiled'),
    HOME: home,
    AEGIR_HOME: home,
    AEGIR_PORT: String(port),
    AEGIR_RUN_FOLDER: runFolder,
    AEGIR_DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: temporalAddress,
    AEGIR_TEMPORAL_NAMESPACE: `test-${randomBytes(6).toString('hex')}`,
    AEGIR_ROLES_PATH: types('roles'),
    AEGIR_OPERATIONS_PATH: types('operations'),
    AEGIR_APPLICATIONS_PATH: types('applications'),
    ...options.environment,
  };
  const startServer = async () => {
    const server = await startPart(
      { name: 'server', folder, environment, home },
      async () => (await fetch(`http://127.0.0.1:${port}/api/health`).catch(() => null))?.ok === true,
    );
    servers.push(server);
    return server;
  };
  const servers: Running[] = [];
  const server = await startServer();
  const startWorker = async (own: Record<string, string> = {}) => {
    const worker = await startPart(
      { name: 'worker', folder, environment: { ...environment, ...own }, home },
      async running => running.output().includes('worker ready'),
    );
    workers.push(worker);
    return worker;
  };
  const workers: Running[] = [];
  const worker = await startWorker();
  const client = createClient(`http://127.0.0.1:${port}`, home);
  return {
    url: `http://127.0.0.1:${port}`,
    home,
    databaseUrl: database.url,
    environment,
    worker,
    server,
    startWorker,
    startServer,
    ...client,
    async stop() {
      for (const each of workers) await each.stop();
      for (const each of servers) await each.stop();
      for (const line of servers.flatMap(errorLines)) process.stderr.write(`server.ts: ${line}\n`);
      await database.drop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Internal errors are never expected: they are shown beside the test's own words. */
function errorLines(server: Running): string[] {
  return server
    .output()
    .split('\n')
    .filter(line => line.includes('"level":50'));
}

interface Part {
  name: string;
  folder: string;
  environment: NodeJS.ProcessEnv;
  home: string;
}

async function startPart(
  { name, folder, environment, home }: Part,
  ready: (running: Running) => Promise<boolean>,
): Promise<Running> {
  const logFile = join(home, 'logs', `${name}.log`);
  const running = await launch({
    command: process.execPath,
    args: [join(folder, `${name}.ts`)],
    logFile,
    environment,
    folder,
    graceMs: 15_000,
  });
  // Starting takes 2 s alone; on two loaded cores ten times that.
  await waitUntilReady(running, { what: name, logFile, timeoutMs: 60_000, check: () => ready(running) });
  return running;
}

type Client = Pick<
  Aegir,
  'call' | 'send' | 'add' | 'run' | 'succeed' | 'waitFor' | 'waitUntilQuiet' | 'decide' | 'log'
>;

function createClient(url: string, home: string): Client {
  const call: Aegir['call'] = (method, path, body, options) => callApi({ url, home }, method, path, body, options);
  const send = async <T>(method: string, path: string, given?: unknown): Promise<T> => {
    const { status, body } = await call<T>(method, path, given);
    if (status >= 300) throw new Error(`${method} ${path} is answered with ${status}: ${JSON.stringify(body)}`);
    return body;
  };
  const waitUntilQuiet = async (id: string): Promise<OperationView> => {
    const abort = new AbortController();
    const headers = { authorization: localAuthorization(home) };
    const response = await fetch(`${url}/api/operations/${id}/events`, { headers, signal: abort.signal });
    // The stream ends by itself after the end of the Operation.
    const text = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
    for await (const event of text ?? []) {
      const view = event.event === 'operation' ? (JSON.parse(event.data) as OperationView) : null;
      if (view?.attentions.some(({ isDecided }) => !isDecided)) break;
    }
    abort.abort();
    return send<OperationView>('GET', `/api/operations/${id}`);
  };
  const decide: Aegir['decide'] = async ({ attentions }, choice, inputs = {}) => {
    for (const { operation, id, isDecided } of attentions) {
      if (isDecided) continue;
      const body = { attention: id, choice, inputs };
      const answer = await call('POST', `/api/operations/${operation}/decisions`, body);
      if (answer.status !== 202) throw new Error(JSON.stringify(answer.body));
    }
  };
  const waitFor = async (id: string): Promise<OperationView> => {
    const operation = await waitUntilQuiet(id);
    if (isOver(operation.state)) return operation;
    await decide(operation, 'leave');
    return waitFor(id);
  };
  const run: Aegir['run'] = async (plural, id, type, input = {}) =>
    waitFor((await send<OperationView>('POST', `/api/${plural}/${id}/operations`, { type, input })).id);
  const log = (id: string) => send<string>('GET', `/api/operations/${id}/log?format=text`);
  return {
    call,
    send,
    add: (plural, values) => send('POST', `/api/${plural}`, { values }),
    run,
    async succeed(plural, id, type, input) {
      const operation = await run(plural, id, type, input);
      const { state, message } = operation;
      if (state !== 'succeeded') throw new Error(`${type} on ${id} ${state}: ${message}\n${await log(operation.id)}`);
      return operation;
    },
    waitFor,
    waitUntilQuiet,
    decide,
    log,
  };
}
