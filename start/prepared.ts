// Whether database and namespace are in the form that this code expects, as far as this data folder knows. Then the worker
// need not wait for the API, which brings them into it: two seconds of every later start.

import { createHash } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { readFileOrNothing } from './launch.ts';

export function isPrepared(config: Config): boolean {
  return readFileOrNothing(fileOf(config)) === stampOf(config);
}

/** To be called when everything is ready. */
export function notePrepared(config: Config): void {
  if (!isPrepared(config)) writeFileSync(fileOf(config), stampOf(config));
}

const fileOf = ({ home }: Config) => join(home, 'prepared');

function stampOf({ installation, databaseUrl, temporal }: Config): string {
  const migrations = readdirSync(join(installation, 'model', 'store', 'migrations'), { recursive: true });
  const facts = [migrations.map(String).sort(), databaseUrl, temporal.address, temporal.namespace];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}
