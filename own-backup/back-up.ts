// Aegir itself into one file: the database as it is at one moment, the keys, and what the first start has made.

import { readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { sizeWords } from '../model/size-words.ts';
import { listElsewhere } from '../model/store/elsewhere.ts';
import { withSnapshot } from '../model/store/whole-database.ts';
import { openKeyRing } from '../secrets/key-ring.ts';
import { listKeys } from '../secrets/rotation.ts';
import { readFileOrNothing } from '../start/launch.ts';
import { keysOf, withDatabase } from './installation.ts';
import { format, type Head, keysName, type Manifest, sampleName } from './manifest.ts';
import { writeArchive } from './write-archive.ts';

export interface BackUpRequest {
  config: Config;
  file: string;
  /** Null = not encrypted. */
  passphrase: string | null;
  say(line: string): void;
}

export async function backUp({ config, file, passphrase, say }: BackUpRequest): Promise<void> {
  const made = await withDatabase(config, url =>
    withSnapshot(url, async snapshot => {
      const { migration, postgres, transaction } = snapshot;
      // Now that the rows stand fast: a rotation writes the new key before the first secret that needs it.
      const keys = keysOf(config);
      const ring = openKeyRing({ value: keys.join(',') }, say);
      const states = await listKeys(transaction, ring);
      const head = headOf(config, { migration, postgres });
      const sample = readFileOrNothing(join(config.home, sampleName));
      const files = { [keysName]: keys.map(key => `${key}\n`).join(''), ...(sample ? { [sampleName]: sample } : {}) };
      return {
        keys: keys.length,
        manifest: await writeArchive(file, { head, snapshot, files }, passphrase),
        lost: states.filter(({ id, secrets }) => secrets > 0 && !ring.ids().includes(id)),
        elsewhere: await listElsewhere(transaction),
      };
    }),
  );
  const { manifest, lost, elsewhere } = made;
  say(`${file}: ${sizeWords(statSync(file).size)}, ${summaryOf(manifest)}, ${countOf(made.keys, 'key')}.`);
  for (const { id, secrets } of lost)
    say(`Warning: ${countOf(secrets, 'stored secret')} cannot be opened: the key ${id} is not in the key ring.`);
  if (passphrase === null)
    say('Warning: it is not encrypted, and holds the keys: whoever reads it reads every stored password and key.');
  say('Not in it:');
  for (const line of [...elsewhere, ...settingsElsewhere(config)]) say(`  ${line}`);
}

function headOf({ installation }: Config, database: Pick<Head, 'migration' | 'postgres'>): Head {
  const { version } = JSON.parse(readFileSync(join(installation, 'package.json'), 'utf8')) as { version: string };
  return { format, version, madeAt: new Date().toISOString(), host: hostname(), ...database };
}

function settingsElsewhere({ paths }: Config): string[] {
  const folders = Object.values(paths).flatMap(list => list.slice(1));
  return [
    ...folders.map(folder => `types of your own in ${folder} (versions that were used are in it)`),
    'settings (.env or the environment); what the engine keeps of runs; logs of the parts',
  ];
}

export const summaryOf = ({ tables }: Manifest): string => {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  return `${countOf(tables.length, 'table')} with ${countOf(rows, 'row')}`;
};

export const countOf = (count: number, noun: string): string =>
  `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
