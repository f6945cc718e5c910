// Who is asking: a session of better-auth, an API token, or the local token of this machine. Sign-up is closed: the first
// administrator comes in by the one-time link.

import { createHash, timingSafeEqual } from 'node:crypto';
import { apiKey } from '@better-auth/api-key';
import { betterAuth } from 'better-auth';
import { drizzleAdapter } from 'better-auth/adapters/drizzle';
import { twoFactor } from 'better-auth/plugins/two-factor';
import type { Principal } from '../dispatch/access.ts';
import { leastPasswordLength, lowerRole, type Role, roles } from '../model/access.ts';
import type { Database } from '../model/store/database.ts';
import { findMember, firstAdministrator } from '../model/store/people.ts';
import * as schema from '../model/store/schema/index.ts';
import { addressHeader } from './client-address.ts';
import type { RequestContext } from './define-route.ts';
import { NotSignedIn } from './problem.ts';

const perMinute = { window: 60, max: 20 };

export interface AuthOptions {
  db: Database;
  secret: string;
  publicUrl: string;
  /** Secret of the file that only this machine's owner can read. */
  localToken: string;
}

function createBetterAuth({ db, secret, publicUrl }: AuthOptions) {
  return betterAuth({
    database: drizzleAdapter(db, { provider: 'pg', schema }),
    secret,
    baseURL: publicUrl,
    basePath: '/api/auth',
    emailAndPassword: { enabled: true, disableSignUp: true, minPasswordLength: leastPasswordLength },
    advanced: { cookiePrefix: 'aegir', ipAddress: { ipAddressHeaders: [addressHeader] } },
    // Per address and in the database, as there may be several processes: an office behind one address signs in on Monday morning,
    // and guessing a password of 12 characters at this pace takes for ever.
    rateLimit: {
      enabled: true,
      storage: 'database',
      customRules: { '/sign-in/email': perMinute, '/two-factor/*': perMinute },
    },
    // Pages are same-origin by whatever name this machine is reached (localhost, an address, a proxy's name).
    trustedOrigins: async request => (request ? [new URL(request.url).origin] : []),
    telemetry: { enabled: false },
    // A token is asked for at every call of a script: no limit per token here.
    plugins: [apiKey({ defaultPrefix: 'aegir_', rateLimit: { enabled: false } }), twoFactor({ issuer: 'Aegir' })],
  });
}

export interface Auth {
  better: ReturnType<typeof createBetterAuth>;
  /** @throws NotSignedIn */
  principalOf(c: RequestContext): Promise<Principal>;
}

interface Found {
  /** Null = nobody. */
  id: string | null;
  /** Where it is one: the role beyond which it does not go. */
  token?: { atMost: Role | null };
}

export function createAuth(options: AuthOptions): Auth {
  const better = createBetterAuth(options);
  const { db } = options;
  const userOf = async (c: RequestContext): Promise<Found> => {
    const [scheme = '', token = ''] = (c.req.header('authorization') ?? '').split(' ');
    if (scheme === 'Local') return { id: sameText(token, options.localToken) ? await firstAdministrator(db) : null };
    if (scheme === 'Bearer') {
      const { valid, key } = await better.api.verifyApiKey({ body: { key: token } });
      return valid && key ? { id: key.referenceId, token: { atMost: readTokenRole(key.permissions) } } : { id: null };
    }
    const session = await better.api.getSession({ headers: c.req.raw.headers });
    if (session) refuseForeignOrigin(c, options.publicUrl);
    return { id: session?.user.id ?? null };
  };
  return {
    better,
    async principalOf(c) {
      const { id, token } = await userOf(c);
      const principal = id ? await findMember(db, id) : null;
      if (!principal) throw new NotSignedIn();
      const asked = { ...principal, from: c.get('address') };
      if (!token) return asked;
      return { ...asked, byToken: true, role: lowerRole(principal.role, token.atMost ?? principal.role) };
    },
  };
}

/** Null = it has none of its own. What is no role of ours any more is the least of them. */
export function readTokenRole(permissions: Record<string, string[]> | null | undefined): Role | null {
  const [given] = permissions?.role ?? [];
  return given === undefined ? null : (roles.find(role => role === given) ?? 'viewer');
}

function sameText(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return other !== '' && timingSafeEqual(digest(one), digest(other));
}

/** A cookie travels with requests that other sites make; those name their own origin. */
function refuseForeignOrigin(c: RequestContext, publicUrl: string): void {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return;
  const origin = c.req.header('origin');
  const own = [new URL(publicUrl).origin, new URL(c.req.url).origin];
  if (origin && !own.includes(origin)) throw new NotSignedIn('This request comes from another site.');
}
