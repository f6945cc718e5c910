// Random tokens of which only a hash is kept.

import { createHash, randomBytes } from 'node:crypto';

/** 256 bits: cannot be guessed, so an unsalted hash is enough. */
export function makeToken(): string {
  return randomBytes(32).toString('base64url');
}

export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
