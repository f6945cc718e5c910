// PostgreSQL and Temporal with their files and logs in a folder of the test.

import { join } from 'node:path';
import { freePort } from '../start/ports.ts';
import { type PostgresOptions, type RunningPostgres, startPostgres } from '../start/postgres.ts';
import { findTemporal, type RunningTemporal, startTemporal, type TemporalOptions } from '../start/temporal.ts';

const pythonBin = join(import.meta.dirname, '..', '.cache', 'python', 'bin');

export async function startTestPostgres(
  folder: string,
  options: Partial<PostgresOptions> = {},
): Promise<RunningPostgres> {
  return startPostgres({
    dataFolder: join(folder, 'postgres'),
    port: await freePort(),
    password: 'for-this-run-only',
    logFile: join(folder, 'postgres.log'),
    ...options,
  });
}

export async function startTestTemporal(
  folder: string,
  options: Partial<TemporalOptions> = {},
): Promise<RunningTemporal> {
  return startTemporal({
    binary: findTemporal(process.env.PATH ?? '', pythonBin),
    dataFolder: join(folder, 'temporal'),
    port: await freePort(),
    namespace: 'aegir',
    logFile: join(folder, 'temporal.log'),
    ...options,
  });
}
