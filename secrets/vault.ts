// Secrets by reference: sealed rows in PostgreSQL. Only the API (to store) and activities (to use) open it.

import { randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';
import { ulid } from 'ulid';
import { AppError } from '../model/errors.ts';
import { type FieldSpec, isSecretReference } from '../model/fields.ts';
import type { Db } from '../model/store/database.ts';
import { secrets } from '../model/store/schema/index.ts';
import type { KeyRing } from './key-ring.ts';

/** As many as the hash of signatures has. */
const ownBytes = 32;

export interface Vault {
  /** Keeps a value, answers its reference. */
  put(db: Db, organisation: string, clear: string): Promise<{ $secret: string }>;
  open(db: Db, id: string): Promise<string>;
  /** Of the installation itself: made when it is first asked for, and again, which is said, when no key opens it any more. */
  own(db: Db, name: string, say: (line: string) => void): Promise<string>;
  /** The same values with the clear text of secret fields put away and references left in their places. */
  putFields(
    db: Db,
    organisation: string,
    specs: FieldSpec[],
    values: Record<string, unknown>,
  ): Promise<Record<string, unknown>>;
}

export function createVault(keys: KeyRing): Vault {
  const vault: Vault = {
    async put(db, organisation, clear) {
      const id = ulid();
      const sealed = sealSecret(keys, id, clear);
      await db.insert(secrets).values({ id, organisation, sealed });
      return { $secret: id };
    },
    async open(db, id) {
      const [row] = await db.select().from(secrets).where(eq(secrets.id, id));
      if (!row) throw new AppError('not_found', `The secret ${id} is gone. Enter it again where it is used.`);
      return openSecret(keys, row);
    },
    async own(db, name, say) {
      const id = `own:${name}`;
      const fresh = () => sealSecret(keys, id, randomBytes(ownBytes).toString('hex'));
      // Of several processes that begin at once one makes it.
      await db.insert(secrets).values({ id, organisation: null, sealed: fresh() }).onConflictDoNothing();
      try {
        return await vault.open(db, id);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        say(`The secret “${name}” is made anew: ${error.message}`);
        await db.update(secrets).set({ sealed: fresh() }).where(eq(secrets.id, id));
        return vault.open(db, id);
      }
    },
    async putFields(db, organisation, specs, values) {
      const kept = { ...values };
      for (const spec of specs.filter(entry => entry.secret)) {
        const value = kept[spec.name];
        if (typeof value === 'string') kept[spec.name] = value === '' ? null : await vault.put(db, organisation, value);
        else if (isSecretReference(value)) await refuseForeign(db, organisation, value.$secret);
      }
      return kept;
    },
  };
  return vault;
}

/** A reference may only name a secret of the same Organisation. */
async function refuseForeign(db: Db, organisation: string, id: string): Promise<void> {
  const [row] = await db.select({ organisation: secrets.organisation }).from(secrets).where(eq(secrets.id, id));
  if (row?.organisation !== organisation)
    throw new AppError('invalid', 'That secret does not exist. Enter the value itself.');
}

export function sealSecret(keys: KeyRing, id: string, clear: string): string {
  return keys.seal('secrets', Buffer.from(clear), `secret:${id}`).toString('base64');
}

/** @throws AppError invalid */
export function openSecret(keys: KeyRing, { id, sealed }: { id: string; sealed: string }): string {
  return keys.open('secrets', Buffer.from(sealed, 'base64'), `secret:${id}`).toString();
}
