// Rotation of the key that seals: every stored secret is sealed anew, and what still needs an older key is counted.

import { eq, isNull, sql } from 'drizzle-orm';
import type { Database, Db } from '../model/store/database.ts';
import { sealingKeys, secrets } from '../model/store/schema/index.ts';
import type { KeyRing } from './key-ring.ts';
import { keyIdOf } from './seal.ts';
import { openSecret, sealSecret } from './vault.ts';

/** Clocks of two machines may differ, and a payload may be on its way to the engine. */
const marginSeconds = 60;

/** Rows that are read, sealed and written at a time. */
const batch = 500;

/** Version and id of the key, in base64. */
const headLength = 7;

export interface Resealed {
  resealed: number;
  /** Secrets that no key of the ring opens. They stay as they are. */
  lost: string[];
}

export interface KeyState {
  id: string;
  seals: boolean;
  /** Null: as far as is known it has never sealed. */
  since: Date | null;
  retiredAt: Date | null;
  /** Stored secrets that only this key opens. */
  secrets: number;
}

/** For the start of a process: remembers which key seals. */
export async function noteSealingKey(db: Db, keys: KeyRing): Promise<void> {
  const [id = ''] = keys.ids();
  await db.insert(sealingKeys).values({ id }).onConflictDoNothing();
}

/** In one transaction. What another process seals with an older key meanwhile is found by the next call. */
export async function reseal(db: Database, keys: KeyRing): Promise<Resealed> {
  return db.transaction(async tx => {
    await noteSealingKey(tx, keys);
    const [first = ''] = keys.ids();
    const result: Resealed = { resealed: 0, lost: [] };
    for (let after = ''; ; ) {
      const rows = await tx
        .select({ id: secrets.id, sealed: secrets.sealed })
        .from(secrets)
        .where(sql`${secrets.id} > ${after}`)
        .orderBy(secrets.id)
        .limit(batch)
        .for('update');
      for (const row of rows.filter(({ sealed }) => keyOf(sealed) !== first)) {
        const clear = openOrNull(keys, row);
        if (clear === null) result.lost.push(row.id);
        else
          await tx
            .update(secrets)
            .set({ sealed: sealSecret(keys, row.id, clear) })
            .where(eq(secrets.id, row.id));
        if (clear !== null) result.resealed += 1;
      }
      const last = rows.at(-1);
      if (!last || rows.length < batch) break;
      after = last.id;
    }
    const retired = sql`now() + make_interval(secs => ${marginSeconds})`;
    await tx.update(sealingKeys).set({ retiredAt: retired }).where(isNull(sealingKeys.retiredAt));
    await tx.update(sealingKeys).set({ retiredAt: null }).where(eq(sealingKeys.id, first));
    return result;
  });
}

/** Of the ring first, then keys that are gone although something needs them. */
export async function listKeys(db: Db, keys: KeyRing): Promise<KeyState[]> {
  const known = await db.select().from(sealingKeys);
  const uses = await countUses(db);
  const ids = keys.ids();
  const missing = [...uses.keys()].filter(id => !ids.includes(id));
  return [...ids, ...missing].map((id, at) => {
    const { since = null, retiredAt = null } = known.find(key => key.id === id) ?? {};
    return { id, seals: at === 0, since, retiredAt, secrets: uses.get(id) ?? 0 };
  });
}

/** By what the sealed texts themselves say; those of the first releases do not, and any key may be theirs. */
async function countUses(db: Db): Promise<Map<string, number>> {
  const head = sql<string>`left(${secrets.sealed}, ${headLength})`;
  const rows = await db.select({ head, count: sql<number>`count(*)::int` }).from(secrets).groupBy(sql`1`);
  const uses = new Map<string, number>();
  for (const row of rows) {
    const id = keyOf(row.head) ?? unnamed;
    uses.set(id, (uses.get(id) ?? 0) + row.count);
  }
  return uses;
}

/** Stands for the key of secrets that do not name it. */
export const unnamed = 'unnamed';

const keyOf = (sealed: string) => keyIdOf(Buffer.from(sealed.slice(0, headLength), 'base64'));

function openOrNull(keys: KeyRing, row: { id: string; sealed: string }): string | null {
  try {
    return openSecret(keys, row);
  } catch {
    return null;
  }
}
