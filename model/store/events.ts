// What changed, told to every process by PostgreSQL's LISTEN/NOTIFY. A notification is only a pointer; readers fetch.

import { sql } from 'drizzle-orm';
import pg from 'pg';
import type { EntityKind } from '../entities.ts';
import type { Db } from './database.ts';

export type ModelEvent =
  | { kind: 'entity'; entityKind: EntityKind; id: string; organisation: string }
  | { kind: 'operation'; id: string; organisation: string }
  | { kind: 'rollout'; id: string; organisation: string }
  | { kind: 'log'; operation: string; organisation: string };

const channel = 'aegir';

/** Sent when the transaction commits. */
export async function notify(db: Db, event: ModelEvent): Promise<void> {
  await db.execute(sql`select pg_notify(${channel}, ${JSON.stringify(event)})`);
}

export interface Listener {
  subscribe(listener: (event: ModelEvent | 'reconnected') => void): () => void;
  close(): Promise<void>;
}

/** A lost connection is made anew; subscribers hear 'reconnected' and read again what they show. */
export function listen(url: string): Listener {
  const listeners = new Set<(event: ModelEvent | 'reconnected') => void>();
  // Soon enough that a page does not look dead, rare enough not to press a database that is starting.
  const retryMs = 500;
  let client: pg.Client | null = null;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const tell = (event: ModelEvent | 'reconnected') => {
    for (const listener of listeners) listener(event);
  };
  const again = () => {
    client = null;
    if (closed) return;
    clearTimeout(timer);
    timer = setTimeout(connect, retryMs);
  };
  const connect = async () => {
    const next = new pg.Client({ connectionString: url, keepAlive: true });
    next.on('error', () => next.end().catch(() => {}));
    next.on('end', again);
    next.on('notification', message => {
      if (message.payload) tell(JSON.parse(message.payload) as ModelEvent);
    });
    try {
      await next.connect();
      await next.query(`listen ${channel}`);
      client = next;
      tell('reconnected');
    } catch {
      await next.end().catch(() => {});
      again();
    }
  };
  void connect();

  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await client?.end();
    },
  };
}
