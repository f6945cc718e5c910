// Sealing with AES-256-GCM. A sealed text tells nothing and cannot be altered or moved: `context` is bound into it.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { AppError } from '../model/errors.ts';

const version = 1;
const ivBytes = 12;
const tagBytes = 16;

export function seal(key: Buffer, clear: Buffer, context: string): Buffer {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context));
  const sealed = Buffer.concat([cipher.update(clear), cipher.final()]);
  return Buffer.concat([Buffer.from([version]), iv, cipher.getAuthTag(), sealed]);
}

/** @throws AppError invalid when it was sealed with another key, for another context, or altered. */
export function unseal(key: Buffer, sealed: Buffer, context: string): Buffer {
  try {
    if (sealed[0] !== version) throw new Error('unknown version');
    const iv = sealed.subarray(1, 1 + ivBytes);
    const tag = sealed.subarray(1 + ivBytes, 1 + ivBytes + tagBytes);
    const decipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context)).setAuthTag(tag);
    return Buffer.concat([decipher.update(sealed.subarray(1 + ivBytes + tagBytes)), decipher.final()]);
  } catch (cause) {
    throw new AppError(
      'invalid',
      'A sealed value cannot be opened. Was the secret key (AEGIR_SECRET_KEY or its file) changed?',
      { cause },
    );
  }
}
