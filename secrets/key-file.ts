// The keys as a person keeps them: a file with one on each line, or a setting with commas between them. The first one seals.

import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '../model/errors.ts';

/** Shorter ones can be guessed. `openssl rand -hex 32` gives 64 characters. */
const leastKeyLength = 32;

export const makeKey = () => randomBytes(32).toString('hex');

/** @throws AppError invalid, with everything that is wrong; never with a key. */
export function readKeys(text: string, source: string, separator: string): string[] {
  const entries = text.split(separator).map((entry, at) => ({ key: entry.trim(), at: at + 1 }));
  const keys = entries.filter(({ key }) => key !== '' && !key.startsWith('#'));
  const place = separator === '\n' ? 'Line' : 'Key';
  const problems = keys.flatMap(({ key, at }, index) => {
    const say = (what: string) => [`${place} ${at} ${what}`];
    if (!/^[\x20-\x7e]*$/.test(key)) return say('has characters that are not printable ASCII.');
    if (key.length < leastKeyLength) return say(`is shorter than ${leastKeyLength} characters.`);
    return keys.slice(0, index).some(earlier => earlier.key === key) ? say('is there already.') : [];
  });
  if (keys.length === 0) problems.push('It holds no key.');
  if (problems.length === 0) return keys.map(({ key }) => key);
  throw new AppError(
    'invalid',
    `The secret key (${source}) cannot be used. ${problems.join(' ')} Put the right key back; only a new installation may make one, with: openssl rand -hex 32`,
  );
}

/** Undefined when there is none. */
export function readKeyFile(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
    return text;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new AppError('invalid', `The key file ${file} cannot be read (${code}). It must be a file of this user.`, {
      cause: error,
    });
  }
}

/** Whole or not at all, also in a power cut: what it replaces is all that opens the secrets. */
export function writeKeyFile(file: string, keys: string[], { isFirst = false } = {}): void {
  mkdirSync(dirname(file), { recursive: true });
  // The first one is for one process: the others read what it has made.
  const draft = isFirst ? file : `${file}.new`;
  const open = openSync(draft, isFirst ? 'wx' : 'w', 0o600);
  try {
    writeSync(open, keys.map(key => `${key}\n`).join(''));
    fsyncSync(open);
  } finally {
    closeSync(open);
  }
  if (!isFirst) renameSync(draft, file);
}
