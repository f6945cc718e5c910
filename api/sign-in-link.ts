// A link that signs in once. Only the hash of its token is kept.

import { hashToken, makeToken } from '../secrets/token.ts';

export function makeLink(publicUrl: string, hours: number): { url: string; tokenHash: string; expiresAt: Date } {
  const token = makeToken();
  const expiresAt = new Date(Date.now() + hours * 3600 * 1000);
  return { url: `${publicUrl}/sign-in?link=${token}`, tokenHash: hashToken(token), expiresAt };
}
