// One PostgreSQL and one Temporal server for a whole run of the tests; each suite takes a database and a namespace of its
// own from them (harness.ts).

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../start/postgres.ts';
import { findTemporal, startTemporal } from '../start/temporal.ts';
import { freePort } from './free-port.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    databaseUrl: string;
    temporalAddress: string;
    /** Where the two keep their files and logs. */
    enginesFolder: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-test-'));
  const python = join(import.meta.dirname, '..', '.cache', 'python', 'bin');
  const [postgres, temporal] = await Promise.all([
    startPostgres({
      dataFolder: join(folder, 'postgres'),
      port: await freePort(),
      password: 'for-this-run-only',
      logFile: join(folder, 'postgres.log'),
      durable: false,
    }),
    startTemporal({
      binary: findTemporal(process.env.PATH ?? '', python),
      dataFolder: join(folder, 'temporal'),
      port: await freePort(),
      namespace: 'aegir',
      logFile: join(folder, 'temporal.log'),
      durable: false,
    }),
  ]);
  project.provide('databaseUrl', postgres.url);
  project.provide('temporalAddress', temporal.address);
  project.provide('enginesFolder', folder);
  return async () => {
    await temporal.stop();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
