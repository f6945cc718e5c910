// Encryption of a stream by a passphrase: a key by scrypt, then pieces with AES-256-GCM of which each knows its number and
// whether it is the last one. So nothing can be altered, moved or left out, at the end either.

import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { AppError } from '../model/errors.ts';
import { cutOff, damaged } from './tar.ts';

export const magic = Buffer.from('Aegir archive, encrypted 1\n');
const saltBytes = 16;
const pieceBytes = 64 * 1024;
const tagBytes = 16;

/** 128 MiB and a third of a second for each guess. */
const cost = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 };

const keyOf = (passphrase: string, salt: Buffer) => scryptSync(passphrase.normalize('NFC'), salt, 32, cost);

/** Never twice with the same key: that has a salt of its own. */
function nonceOf(number: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(number, 5, 6);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

export async function* encrypt(chunks: AsyncIterable<Buffer>, passphrase: string): AsyncGenerator<Buffer> {
  const salt = randomBytes(saltBytes);
  const key = keyOf(passphrase, salt);
  yield Buffer.concat([magic, salt]);
  let number = 0;
  for await (const { piece, isLast } of pieces(chunks, pieceBytes)) {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(number++, isLast));
    yield Buffer.concat([cipher.update(piece), cipher.final(), cipher.getAuthTag()]);
  }
}

/** @param chunks from behind `magic` on */
export async function* decrypt(chunks: AsyncIterable<Buffer>, passphrase: string): AsyncGenerator<Buffer> {
  let key: Buffer | undefined;
  let number = 0;
  for await (const { piece, isLast } of pieces(chunks, pieceBytes + tagBytes, saltBytes)) {
    if (!key) key = keyOf(passphrase, piece);
    else yield open(piece, { key, number: number++, isLast });
  }
  if (number === 0) throw cutOff();
}

function open(piece: Buffer, place: { key: Buffer; number: number; isLast: boolean }): Buffer {
  const clear = unseal(piece, place);
  if (clear) return clear;
  // Whole pieces may be missing behind this one.
  if (place.isLast && unseal(piece, { ...place, isLast: false })) throw cutOff();
  if (place.number > 0) throw place.isLast ? cutOff() : damaged('what was encrypted was altered');
  throw new AppError(
    'invalid',
    'The passphrase is not the one of this archive (or its first 64 KiB are damaged). Nothing was changed.',
  );
}

function unseal(piece: Buffer, { key, number, isLast }: { key: Buffer; number: number; isLast: boolean }) {
  if (piece.length < tagBytes) return undefined;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(number, isLast));
    decipher.setAuthTag(piece.subarray(-tagBytes));
    return Buffer.concat([decipher.update(piece.subarray(0, -tagBytes)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** All of one size but the first, where that is given, and the last, which may be empty. */
async function* pieces(
  chunks: AsyncIterable<Buffer>,
  size: number,
  first = size,
): AsyncGenerator<{ piece: Buffer; isLast: boolean }> {
  let wanted = first;
  let held: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    held = Buffer.concat([held, chunk]);
    // One is kept back: it may be the last.
    while (held.length > wanted) {
      yield { piece: held.subarray(0, wanted), isLast: false };
      held = held.subarray(wanted);
      wanted = size;
    }
  }
  yield { piece: held, isLast: true };
}
