// Where an installation keeps what belongs into a backup: its database, whether or not it runs, and its keys.

import { join } from 'node:path';
import type { Config } from '../config.ts';
import { AppError } from '../model/errors.ts';
import { readKeyFile, readKeys } from '../secrets/key-file.ts';
import { holdHome, keepPassword } from '../start/home.ts';
import { readFileOrNothing } from '../start/launch.ts';
import { freePort } from '../start/ports.ts';
import { databaseFolder, databaseUrl, startPostgres } from '../start/postgres.ts';

/** Calls with the address of the database. One that does not run is started for this, and stopped after it. */
export async function withDatabase<T>(config: Config, use: (url: string) => Promise<T>): Promise<T> {
  if (config.databaseUrl) return use(config.databaseUrl);
  if (!readFileOrNothing(join(databaseFolder(config.home), 'PG_VERSION')))
    throw new AppError(
      'not_found',
      `There is no Aegir in ${config.home}: nothing was ever started there, or it is not yours to read.`,
    );
  const release = holdUnlessRunning(config);
  if (!release) return use(urlOf(config));
  try {
    return await withOwnPostgres(config, use);
  } finally {
    release();
  }
}

/** Null: Aegir runs there. */
function holdUnlessRunning({ home, api }: Config): (() => void) | null {
  try {
    return holdHome(home, api.publicUrl);
  } catch (error) {
    if (error instanceof AppError && error.code === 'conflict') return null;
    throw error;
  }
}

function urlOf({ home, local }: Config): string {
  return databaseUrl({ password: keepPassword(home), port: local.databasePort });
}

/** For whoever holds the data folder. It is made where there is none. */
export async function withOwnPostgres<T>({ home }: Config, use: (url: string) => Promise<T>): Promise<T> {
  const running = await startPostgres({
    dataFolder: databaseFolder(home),
    // Nobody else looks for it, so that another Aegir of this machine does not stand in its way.
    port: await freePort(),
    password: keepPassword(home),
    logFile: join(home, 'logs', 'postgres.log'),
  });
  try {
    return await use(running.url);
  } finally {
    await running.stop();
  }
}

/** The key ring, from the setting or the file. */
export function keysOf({ secretKey }: Config): string[] {
  if ('value' in secretKey) return readKeys(secretKey.value, 'AEGIR_SECRET_KEY', ',');
  const text = readKeyFile(secretKey.file);
  if (text !== undefined) return readKeys(text, secretKey.file, '\n');
  throw new AppError(
    'not_found',
    `There is no key file ${secretKey.file}: set AEGIR_SECRET_KEY_FILE or AEGIR_SECRET_KEY as Aegir has it.`,
  );
}
