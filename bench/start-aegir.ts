// A whole Aegir for a measurement: `start.ts` with a data folder and ports of its own, ended with everything it made.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../start/ports.ts';

export interface BenchAegir {
  url: string;
  temporalAddress: string;
  /** Of start.ts; its parts are its children. */
  pid: number;
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
  /** Raw stream of an Operation's events. */
  events(id: string): Promise<ReadableStream<Uint8Array>>;
  stop(): Promise<void>;
}

export async function startBenchAegir(typeFolder: string): Promise<BenchAegir> {
  const home = mkdtempSync(join(tmpdir(), 'aegir-bench-'));
  const ports = ['AEGIR_PORT', 'AEGIR_WEB_PORT', 'AEGIR_DATABASE_PORT', 'AEGIR_TEMPORAL_PORT', 'AEGIR_CONSOLE_PORT'];
  const chosen = Object.fromEntries(await Promise.all(ports.map(async name => [name, String(await freePort())])));
  const folders = {
    AEGIR_ROLES_PATH: join(typeFolder, 'roles'),
    AEGIR_OPERATIONS_PATH: join(typeFolder, 'operations'),
  };
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'start.ts')], {
    env: { ...process.env, ...chosen, ...folders, AEGIR_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    let output = '';
    child.stdout.on('data', data => {
      output += data;
      if (output.includes('Ctrl-C stops everything')) resolve();
    });
    child.once('exit', () => reject(new Error(`Aegir did not start:\n${output}`)));
  });
  const url = `http://127.0.0.1:${chosen.AEGIR_PORT}`;
  const headers = () => ({
    authorization: `Local ${readFileSync(join(home, 'local-token'), 'utf8')}`,
    'content-type': 'application/json',
  });
  return {
    url,
    temporalAddress: `127.0.0.1:${chosen.AEGIR_TEMPORAL_PORT}`,
    pid: child.pid ?? 0,
    async call<T>(method: string, path: string, body?: unknown): Promise<T> {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: headers(),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
      return (await response.json()) as T;
    },
    async events(id) {
      const response = await fetch(`${url}/api/operations/${id}/events`, { headers: headers() });
      if (!response.body) throw new Error('no stream');
      return response.body;
    },
    async stop() {
      const exited = new Promise(resolve => child.once('exit', resolve));
      child.kill('SIGTERM');
      await exited;
      rmSync(home, { recursive: true, force: true });
    },
  };
}
