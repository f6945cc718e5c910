// Random tokens of which only a hash is kept.

import { createHash, randomBytes, randomInt } from 'node:crypto';

/** 256 bits: cannot be guessed, so an unsalted hash is enough. */
export function makeToken(): string {
  return randomBytes(32).toString('base64url');
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** 285 bits of letters and digits only: nothing has to quote it, whatever it is written into. */
export function makePassword(): string {
  return Array.from({ length: 48 }, () => letters[randomInt(letters.length)]).join('');
}

export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
