// What the API says of its parts while one is away: that it is away, soon, and that it is back.

import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import type { HealthView } from '../api/contract.ts';
import { launch, type Running, waitUntilReady } from '../start/launch.ts';
import { freePort } from '../start/ports.ts';
import { aegirCommand } from './cli.ts';
import { type Aegir, startAegir } from './harness.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** Within which pages, which ask every 4 s, say by 15 s what is away. */
const noticedMs = 11_000;

let aegir: Aegir;
let database: TcpProxy;
let engine: TcpProxy;
let behindProxies: Running;
let url: string;

const health = async (of: string) => {
  const response = await fetch(`${of}/api/health`, { signal: AbortSignal.timeout(noticedMs) });
  return { status: response.status, ...((await response.json()) as HealthView) };
};

beforeAll(async () => {
  aegir = await startAegir();
  database = await startTcpProxy(new URL(inject('databaseUrl')).host);
  engine = await startTcpProxy(inject('temporalAddress'));
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const databaseUrl = new URL(aegir.databaseUrl);
  databaseUrl.host = database.address;
  const logFile = join(aegir.home, 'logs', 'second.log');
  behindProxies = await launch({
    command: process.execPath,
    args: [join(import.meta.dirname, '..', 'server.ts')],
    logFile,
    environment: {
      ...aegir.environment,
      AEGIR_HOME: join(aegir.home, 'second'),
      AEGIR_SECRET_KEY_FILE: join(aegir.home, 'secret.key'),
      AEGIR_PORT: String(port),
      AEGIR_DATABASE_URL: databaseUrl.href,
      TEMPORAL_ADDRESS: engine.address,
    },
  });
  const check = async () => (await fetch(`${url}/api/health`).catch(() => null))?.ok === true;
  await waitUntilReady(behindProxies, { what: 'server', logFile, timeoutMs: 60_000, check });
});

afterEach(() => {
  database.heal();
  engine.heal();
});

afterAll(async () => {
  await behindProxies?.stop();
  await aegir?.stop();
  await Promise.all([database?.stop(), engine?.stop()]);
});

const allThere = { status: 200, ok: true, parts: { database: true, engine: true, workers: true } };

describe('a part that is away is named', () => {
  test.each(['cut', 'freeze'] as const)('the database (%s), and nothing is said of workers meanwhile', async how => {
    expect(await health(url)).toEqual(allThere);
    database[how]();
    expect(await health(url)).toEqual({ status: 503, ok: false, parts: { database: false, engine: true } });
    database.heal();
    await expect.poll(() => health(url), { timeout: 30_000 }).toEqual(allThere);
  });

  test.each(['cut', 'freeze'] as const)('the engine (%s)', async how => {
    engine[how]();
    expect(await health(url)).toMatchObject({ status: 503, ok: false, parts: { database: true, engine: false } });
    engine.heal();
    await expect.poll(() => health(url), { timeout: 30_000 }).toEqual(allThere);
  });

  test('the last worker, also on the command line: the API itself works, Operations do not go on', async () => {
    const second = await aegir.startWorker();
    process.kill(aegir.worker.pid, 'SIGKILL');
    await second.stop();
    const none = { status: 200, ok: true, parts: { database: true, engine: true, workers: false } };
    await expect.poll(() => health(aegir.url), { timeout: noticedMs }).toEqual(none);
    const status = await aegirCommand(aegir, 'status');
    expect([status.code, status.stdout]).toEqual([1, expect.stringContaining('No worker answers.')]);
    aegir.worker = await aegir.startWorker();
    expect(await health(aegir.url)).toEqual(allThere);
  });

  test('a worker that ends in order is gone at once, and one that does not reach the engine is none', async () => {
    await aegir.worker.stop();
    expect((await health(aegir.url)).parts.workers).toBe(false);
    await aegir.startWorker({ TEMPORAL_ADDRESS: engine.address });
    expect((await health(aegir.url)).parts.workers).toBe(true);
    engine.freeze();
    await expect.poll(async () => (await health(aegir.url)).parts.workers, { timeout: noticedMs + 3000 }).toBe(false);
    engine.heal();
    await expect.poll(async () => (await health(aegir.url)).parts.workers, { timeout: 30_000 }).toBe(true);
  });
});
