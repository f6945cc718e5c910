// PostgreSQL and Temporal with their files and logs in a folder of the test.

import { join } from 'node:path';
import { errorText } from '../model/errors.ts';
import { freePort } from '../start/ports.ts';
import { type PostgresOptions, type RunningPostgres, startPostgres } from '../start/postgres.ts';
import { findTemporal, type RunningTemporal, startTemporal, type TemporalOptions } from '../start/temporal.ts';

const pythonBin = join(import.meta.dirname, '..', '.cache', 'python', 'bin');

export async function startTestPostgres(
  folder: string,
  options: Partial<PostgresOptions> = {},
): Promise<RunningPostgres> {
  return onFreePort(port =>
    startPostgres({
      dataFolder: join(folder, 'postgres'),
      port,
      password: 'for-this-run-only',
      logFile: join(folder, 'postgres.log'),
      ...options,
    }),
  );
}

export async function startTestTemporal(
  folder: string,
  options: Partial<TemporalOptions> = {},
): Promise<RunningTemporal> {
  return onFreePort(port =>
    startTemporal({
      binary: findTemporal(process.env.PATH ?? '', pythonBin),
      dataFolder: join(folder, 'temporal'),
      port,
      namespace: 'aegir',
      logFile: join(folder, 'temporal.log'),
      ...options,
    }),
  );
}

/** Until it is used, another program may have taken it: each connection from here has one of the same range. */
async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (tries === 3 || !/address already in use/i.test(errorText(error))) throw error;
    }
  }
}
