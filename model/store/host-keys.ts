// The host key that a Server showed at its first contact.

import type { Actor } from './audit.ts';
import type { Database } from './database.ts';
import { changeEntity } from './entities.ts';

export async function updateHostKey(db: Database, actor: Actor, first: { server: string; key: string }): Promise<void> {
  await db.transaction(async tx => {
    await changeEntity(tx, actor, {
      kind: 'server',
      id: first.server,
      verb: 'first contact',
      values: { host_key: first.key },
    });
  });
}
