// Composition root of `./aegir backup` and `./aegir restore`: Aegir itself into one file, and back on another machine.

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { askHidden } from './cli/prompt.ts';
import { readConfig } from './config.ts';
import { AppError, errorText } from './model/errors.ts';
import { backUp } from './own-backup/back-up.ts';
import { restore } from './own-backup/restore.ts';

const usage = `Usage: ./aegir backup <file> [--passphrase @file|-] [--unencrypted]
       ./aegir restore <file> [--passphrase @file|-]

backup puts Aegir itself into one file, while it runs or not: database, keys and versions of types. The file is
encrypted with a passphrase, which is asked for, or read from a file (@file) or from standard input (-).
restore brings it back where there is nothing yet: into an empty data folder (AEGIR_HOME), or the empty database of
AEGIR_DATABASE_URL. On a new machine run "node install.mjs" before, not "npm start".
(./aegir backup list and show are about backups of Environments.)
`;

/** Whoever has the file has all the time to guess. */
const leastPassphrase = 12;

interface Wishes {
  passphrase?: string;
  unencrypted?: boolean;
}

async function main([verb = '', ...words]: string[]): Promise<void> {
  if (words.some(word => word === '--help' || word === '-h')) return void process.stdout.write(usage);
  const { file, wishes } = readWords(verb, words);
  loadSettings();
  const config = readConfig(process.env, import.meta.dirname);
  const say = (line: string) => process.stdout.write(`${line}\n`);
  if (verb === 'backup') await backUp({ config, file, passphrase: await newPassphrase(wishes), say });
  else await restore({ config, file, passphrase: () => knownPassphrase(wishes), say });
}

function readWords(verb: string, words: string[]): { file: string; wishes: Wishes } {
  try {
    const { values, positionals } = parseArgs({
      args: words,
      allowPositionals: true,
      options: {
        passphrase: { type: 'string' },
        ...(verb === 'backup' ? { unencrypted: { type: 'boolean' } as const } : {}),
      },
    });
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0) throw new Error('Name one file.');
    return { file: resolve(file), wishes: values as Wishes };
  } catch (error) {
    throw new AppError('invalid', `${errorText(error)}\n${usage}`);
  }
}

/** Null: it is not to be encrypted. */
async function newPassphrase({ passphrase, unencrypted }: Wishes): Promise<string | null> {
  if (unencrypted && passphrase === undefined) return null;
  if (unencrypted) throw new AppError('invalid', 'Say either --passphrase or --unencrypted.');
  const words = passphrase === undefined ? await askTwice() : await readPassphrase(passphrase);
  if (words.length >= leastPassphrase) return words;
  throw new AppError(
    'invalid',
    `The passphrase has fewer than ${leastPassphrase} characters: take a longer one, such as by: openssl rand -hex 16`,
  );
}

async function askTwice(): Promise<string> {
  refuseWithoutTerminal('or --unencrypted: it holds the keys of everything');
  const words = await askHidden('Passphrase (without it nobody can read the file): ');
  if (words !== (await askHidden('Once more: '))) throw new AppError('invalid', 'The two are not the same.');
  return words;
}

async function knownPassphrase({ passphrase }: Wishes): Promise<string> {
  if (passphrase !== undefined) return readPassphrase(passphrase);
  refuseWithoutTerminal('the archive is encrypted');
  return askHidden('Passphrase of the archive: ');
}

function refuseWithoutTerminal(why: string): void {
  if (!process.stdin.isTTY) throw new AppError('invalid', `Give --passphrase @file, or - for standard input (${why}).`);
}

/** Never as it is: whoever lists the processes sees the command line. */
async function readPassphrase(from: string): Promise<string> {
  if (from === '-') return (await text(process.stdin)).replace(/\r?\n$/, '');
  if (!from.startsWith('@')) throw new AppError('invalid', 'Give the passphrase as @file, or - for standard input.');
  try {
    return readFileSync(from.slice(1), 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new AppError('invalid', `${from.slice(1)} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

function loadSettings(): void {
  try {
    process.loadEnvFile(join(import.meta.dirname, '.env'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** As of every command of ./aegir. */
function exitCodeOf(error: unknown): number {
  if (!(error instanceof AppError) || error.code === 'internal') return 1;
  return error.code === 'unavailable' ? 4 : 2;
}

main(process.argv.slice(2)).catch(error => {
  process.stderr.write(`error: ${errorText(error)}\n`);
  process.exitCode = exitCodeOf(error);
});
