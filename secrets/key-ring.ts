// The keys that seal: the first seals, all of them open. From AEGIR_SECRET_KEY, or a file of mode 0600 that is made on the
// first start; a file is read again when it has changed, so that a rotation needs no restart.

import { createHash, hkdfSync } from 'node:crypto';
import { statSync } from 'node:fs';
import { AppError, errorText } from '../model/errors.ts';
import { makeKey, readKeyFile, readKeys, writeKeyFile } from './key-file.ts';
import { idBytes, keyIdOf, type SealingKey, seal, unseal } from './seal.ts';

/** Keys of different purposes tell nothing about each other (HKDF-SHA256, RFC 5869). */
export type Purpose = 'secrets' | 'payloads';

export interface KeyRing {
  seal(purpose: Purpose, clear: Buffer, context: string): Buffer;
  /** @throws AppError invalid when no key opens it, it was sealed for another context, or altered. */
  open(purpose: Purpose, sealed: Buffer, context: string): Buffer;
  /** Ids of the keys; the first one seals. */
  ids(): string[];
  /** Puts a new key before the others. @throws AppError conflict where the keys are not in a file. */
  add(): string;
  /** @throws AppError conflict where it is the only one or the one that seals. */
  remove(id: string): void;
}

type Source = { value: string } | { file: string };

interface Key {
  id: string;
  text: string;
  derived: Record<Purpose, Buffer>;
}

export function openKeyRing(from: Source, say: (line: string) => void): KeyRing {
  const read = 'value' in from ? readValue(from.value) : readFile(from.file, say);
  const find = (id: string) => read().find(key => key.id === id);
  const change = (id: string | null, keys: (known: Key[]) => string[]) => {
    if ('value' in from) throw notInFile();
    if (id !== null && !find(id)) throw new AppError('not_found', `There is no key ${id}.`);
    writeKeyFile(from.file, keys(read()));
  };
  return {
    seal(purpose, clear, context) {
      return seal(sealingKey(firstOf(read()), purpose), clear, context);
    },
    open(purpose, sealed, context) {
      const id = keyIdOf(sealed);
      for (const key of read()) {
        if (id !== null && key.id !== id) continue;
        const clear = unseal(sealingKey(key, purpose), sealed, context);
        if (clear) return clear;
      }
      throw cannotOpen(id, read());
    },
    ids: () => read().map(({ id }) => id),
    add() {
      change(null, known => [makeKey(), ...known.map(({ text }) => text)]);
      return firstOf(read()).id;
    },
    remove(id) {
      if (firstOf(read()).id === id)
        throw new AppError('conflict', `The key ${id} is the one that seals. Rotate first: ./aegir keys rotate`);
      change(id, known => known.filter(key => key.id !== id).map(({ text }) => text));
    },
  };
}

function readValue(value: string): () => Key[] {
  const keys = readKeys(value, 'AEGIR_SECRET_KEY', ',').map(deriveKey);
  return () => keys;
}

/** As it is now. While it cannot be read (somebody is copying it), what was read last counts. */
function readFile(file: string, say: (line: string) => void): () => Key[] {
  const load = (text: string) => readKeys(text, file, '\n').map(deriveKey);
  const stamp = () => {
    const { mtimeMs, ino, size } = statSync(file);
    return `${mtimeMs} ${ino} ${size}`;
  };
  let keys = load(readKeyFile(file) ?? makeKeyFile(file, say));
  let seen = stamp();
  let said = '';
  return () => {
    try {
      const now = stamp();
      if (now === seen) return keys;
      keys = load(readKeyFile(file) ?? '');
      seen = now;
      said = '';
    } catch (error) {
      const words = `The keys that were read before are still used. ${errorText(error)}`;
      if (words !== said) say(words);
      said = words;
    }
    return keys;
  };
}

function makeKeyFile(file: string, say: (line: string) => void): string {
  try {
    writeKeyFile(file, [makeKey()], { isFirst: true });
    say(`A new secret key was made: ${file}. Keep a copy of it: whoever loses it loses every stored key and password.`);
  } catch (error) {
    // Another process was first: its key counts.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readKeyFile(file) ?? '';
}

function deriveKey(text: string): Key {
  const master = createHash('sha256').update(text).digest();
  const derive = (purpose: string, length: number) => Buffer.from(hkdfSync('sha256', master, 'aegir', purpose, length));
  const derived = {
    secrets: derive('secrets', 32),
    payloads: derive('payloads', 32),
  };
  return { id: derive('id', idBytes).toString('hex'), text, derived };
}

const sealingKey = ({ id, derived }: Key, purpose: Purpose): SealingKey => ({ id, key: derived[purpose] });

function firstOf(keys: Key[]): Key {
  const [first] = keys;
  if (!first) throw new AppError('internal', 'The key ring is empty.');
  return first;
}

function cannotOpen(id: string | null, keys: Key[]): AppError {
  const known = keys.map(key => key.id).join(', ');
  const words = keys.some(key => key.id === id)
    ? 'A sealed value was altered, or belongs somewhere else.'
    : `A sealed value cannot be opened: it needs ${id === null ? 'a key' : `the key ${id}`} that is not in the key ring (${known}). Was the secret key (AEGIR_SECRET_KEY or its file) changed, or is it another one than that of the other processes?`;
  return new AppError('invalid', words);
}

function notInFile(): AppError {
  return new AppError(
    'conflict',
    'The keys are in the setting AEGIR_SECRET_KEY, which Aegir cannot change. Put a new key behind the old one there (old,new) and restart every process; then the new one first (new,old) and restart again; then run: ./aegir keys reseal',
  );
}
