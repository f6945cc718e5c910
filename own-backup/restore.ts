// An archive of Aegir into a data folder, or a database, where there is nothing yet. Everything is looked at first; what has
// begun and was stopped is known by a file, with which no Aegir starts.

import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import { AppError } from '../model/errors.ts';
import { endLeftBehind, type LeftBehind } from '../model/store/end-left-behind.ts';
import { loadDatabase, refusalOf } from '../model/store/whole-database.ts';
import { readKeyFile, readKeys, writeKeyFile } from '../secrets/key-file.ts';
import { holdHome, openHome, restoringFile } from '../start/home.ts';
import { databaseFolder } from '../start/postgres.ts';
import { countOf, summaryOf } from './back-up.ts';
import { withOwnPostgres } from './installation.ts';
import { sampleName } from './manifest.ts';
import { type Archive, readArchive } from './read-archive.ts';

export interface RestoreRequest {
  config: Config;
  file: string;
  passphrase(): Promise<string>;
  say(line: string): void;
}

export async function restore({ config, file, passphrase, say }: RestoreRequest): Promise<void> {
  const archive = await readArchive(file, passphrase);
  const { head, manifest } = archive;
  const refusal = refusalOf(head.migration);
  if (refusal) throw new AppError('conflict', `${refusal} Nothing was changed.`);
  const keys = readKeys(archive.keys, `in ${file}`, '\n');
  checkKeys(config, keys);
  const ended = config.databaseUrl
    ? await load(config.databaseUrl, { config, archive, keys })
    : await loadHere({ config, archive, keys });
  const made = `${madeAt(archive)} on ${head.host} by Aegir ${head.version}`;
  say(`Restored: ${summaryOf(manifest)}, ${countOf(keys.length, 'key')}; made ${made}.`);
  for (const { title, subject, begun } of ended)
    say(
      `  “${title}” of ${subject} ${begun ? 'was under way, and has failed: look at it, then resume it' : 'had not begun, and is cancelled'}.`,
    );
  say(`Stop the Aegir on ${head.host} for good before you start this one. Both know the same Servers: each would end`);
  say('what the other one has under way there, and carry out what is asked of it without the other.');
  say('Then start it (npm start), look at “Backup stores” and Servers whose folders or addresses were those of the');
  say('former machine, and run “Verify” on each Server.');
}

const madeAt = ({ head }: Archive) => `${head.madeAt.slice(0, 16).replace('T', ' ')} UTC`;

interface Loading {
  config: Config;
  archive: Archive;
  keys: string[];
}

/** The database of the data folder, which has to be empty. */
async function loadHere(loading: Loading): Promise<LeftBehind[]> {
  const { config } = loading;
  openHome(config.home);
  const release = holdHome(config.home, config.api.publicUrl);
  try {
    takeStoppedAway(config.home);
    refuseFilled(config.home);
    writeFileSync(restoringFile(config.home), '');
    try {
      const ended = await withOwnPostgres(config, url => load(url, loading));
      rmSync(restoringFile(config.home));
      return ended;
    } catch (error) {
      takeStoppedAway(config.home);
      throw error;
    }
  } finally {
    release();
  }
}

/** In one transaction; the keys are there before it ends. */
async function load(url: string, { config, archive, keys }: Loading): Promise<LeftBehind[]> {
  const { head, manifest, sample } = archive;
  let ended: LeftBehind[] = [];
  await loadDatabase(url, {
    ...manifest,
    migration: head.migration,
    rows: archive.rows(),
    finish: async transaction => {
      ended = await endLeftBehind(transaction, madeAt(archive));
      if ('file' in config.secretKey) writeKeyFile(config.secretKey.file, keys);
      if (sample !== null && !config.databaseUrl) writeFileSync(join(config.home, sampleName), sample);
    },
  });
  return ended;
}

/** What stands where the keys of the archive belong must be these. */
function checkKeys({ secretKey }: Config, keys: string[]): void {
  const present =
    'value' in secretKey ? readKeys(secretKey.value, 'AEGIR_SECRET_KEY', ',') : readKeyFileOf(secretKey.file);
  if (present === undefined || keys.every(key => present.includes(key))) return;
  const words =
    'value' in secretKey
      ? 'AEGIR_SECRET_KEY lacks keys of the archive: take the setting out, so that they come into the key file, or put them there.'
      : `There is a key file with other keys: ${secretKey.file}. Put it elsewhere, or set AEGIR_SECRET_KEY_FILE to another one.`;
  throw new AppError('conflict', `${words} Nothing was changed.`);
}

function readKeyFileOf(file: string): string[] | undefined {
  const text = readKeyFile(file);
  return text === undefined ? undefined : readKeys(text, file, '\n');
}

/** Of a restore that was stopped: only what one makes, in a folder that was empty when it began. */
function takeStoppedAway(home: string): void {
  if (!existsSync(restoringFile(home))) return;
  for (const name of ['database-password', 'logs', sampleName, 'secret.key'])
    rmSync(join(home, name), { recursive: true, force: true });
  rmSync(databaseFolder(home), { recursive: true, force: true });
  rmSync(restoringFile(home));
}

function refuseFilled(home: string): void {
  // The file that says who holds the folder is ours.
  const names = readdirSync(home).filter(name => name !== 'aegir.pid');
  if (names.length === 0) return;
  throw new AppError(
    'conflict',
    `The data folder ${home} is not empty (${names.slice(0, 5).join(', ')}): set AEGIR_HOME to a new one, or move it away. Nothing was changed.`,
  );
}
