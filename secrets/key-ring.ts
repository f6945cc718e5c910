// The key that seals. From AEGIR_SECRET_KEY, or a file of mode 0600 that is made on the first start.

import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { AppError } from '../model/errors.ts';

export interface KeyRing {
  /** 32 bytes for one purpose; keys of different purposes tell nothing about each other (HKDF-SHA256, RFC 5869). */
  derive(purpose: 'secrets' | 'payloads' | 'sessions'): Buffer;
}

/** Shorter ones can be guessed. `openssl rand -hex 32` gives 64 characters. */
const leastKeyLength = 32;

export function openKeyRing(from: { value: string } | { file: string }, say: (line: string) => void): KeyRing {
  const text = 'value' in from ? from.value : readOrMakeKey(from.file, say);
  if (text.length < leastKeyLength) {
    throw new AppError(
      'invalid',
      `The secret key is shorter than ${leastKeyLength} characters. Make one with: openssl rand -hex 32`,
    );
  }
  const master = createHash('sha256').update(text).digest();
  return {
    derive: purpose => Buffer.from(hkdfSync('sha256', master, 'aegir', purpose, 32)),
  };
}

function readOrMakeKey(file: string, say: (line: string) => void): string {
  try {
    const text = readFileSync(file, 'utf8').trim();
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const made = randomBytes(32).toString('hex');
  mkdirSync(dirname(file), { recursive: true });
  try {
    writeFileSync(file, `${made}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    // Another process was first: its key counts.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return readFileSync(file, 'utf8').trim();
    throw error;
  }
  say(`A new secret key was made: ${file}. Keep a copy of it: whoever loses it loses every stored key and password.`);
  return made;
}
