// Sealing with AES-256-GCM. A sealed text tells nothing but which key it needs, and cannot be altered or moved: `context` is
// bound into it.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Version, id of the key, what AES-GCM needs, the text. */
const version = 2;
/** Of the first releases: without the id. */
const versionWithoutId = 1;
export const idBytes = 4;
const ivBytes = 12;
const tagBytes = 16;

export interface SealingKey {
  /** Hexadecimal, of `idBytes`. */
  id: string;
  key: Buffer;
}

export function seal({ id, key }: SealingKey, clear: Buffer, context: string): Buffer {
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context));
  const sealed = Buffer.concat([cipher.update(clear), cipher.final()]);
  return Buffer.concat([Buffer.from([version]), Buffer.from(id, 'hex'), iv, cipher.getAuthTag(), sealed]);
}

/** Null where it does not say it: any key may be the one. */
export function keyIdOf(sealed: Buffer): string | null {
  return sealed[0] === version ? sealed.toString('hex', 1, 1 + idBytes) : null;
}

/** Undefined when it was sealed with another key, for another context, or altered. */
export function unseal({ key }: SealingKey, sealed: Buffer, context: string): Buffer | undefined {
  if (sealed[0] !== version && sealed[0] !== versionWithoutId) return undefined;
  const start = sealed[0] === version ? 1 + idBytes : 1;
  try {
    const iv = sealed.subarray(start, start + ivBytes);
    const tag = sealed.subarray(start + ivBytes, start + ivBytes + tagBytes);
    const decipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context)).setAuthTag(tag);
    return Buffer.concat([decipher.update(sealed.subarray(start + ivBytes + tagBytes)), decipher.final()]);
  } catch {
    return undefined;
  }
}
