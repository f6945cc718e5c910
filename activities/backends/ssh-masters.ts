// Keeps the ssh masters of the Servers that are in use. They live outside of the scope of any run, because the end of a run
// ends everything in its scope.

import { createHash } from 'node:crypto';
import type { RunReport, ServerConnection } from './backend.ts';
import { type CommandResult, openConnection, type SshConnection } from './ssh-connection.ts';
import { fingerprintOf, parseHostKey, scanHostKey } from './ssh-host-keys.ts';
import { ConnectionProblem } from './ssh-problems.ts';

export type Contact = Pick<RunReport, 'line' | 'hostKey'>;

/** A hold on a master, until `release`. */
export interface SshLease {
  socket: string;
  run(command: string, options?: { input?: string; signal?: AbortSignal }): Promise<CommandResult>;
  forward(port: number): Promise<number>;
  cancelForward(port: number): Promise<void>;
  isAlive(): boolean;
  release(): void;
}

export interface SshMasters {
  /** Connects, or takes a live connection. Throws ConnectionProblem. */
  acquire(server: ServerConnection, contact: Contact): Promise<SshLease>;
  closeAll(): Promise<void>;
}

interface Entry {
  id: string;
  connection: Promise<SshConnection>;
  users: number;
  idle?: NodeJS.Timeout;
}

/** Whoever works on a site presses a button, looks at the site, writes a mail, and presses the next one: within half an hour
 * it answers at once, while a new connection takes longer than all the rest of an Action. A connection that is held costs
 * the Server one sshd and a packet every 5 seconds; for longer than a pause that would be for nobody. */
const idleMs = 30 * 60_000;

/** sshd allows 10 sessions per connection (MaxSessions); a run uses one at a time and two for a moment at its end. */
const usersPerMaster = 5;

export function createSshMasters(dependencies: { runFolder: string }): SshMasters {
  const entries = new Set<Entry>();
  /** Host keys of first contacts, until the model knows them. */
  const pinned = new Map<string, Promise<string>>();

  const drop = async (entry: Entry) => {
    entries.delete(entry);
    clearTimeout(entry.idle);
    await entry.connection.then(
      connection => connection.close(),
      () => undefined,
    );
  };

  const hostKeyOf = async (server: ServerConnection, contact: Contact): Promise<string> => {
    if (server.hostKey.trim()) return checkedHostKey(server);
    const name = `${server.id} ${server.address} ${server.port}`;
    // Runs that start together meet the Server once.
    const met = pinned.get(name) ?? firstContact(server, contact).finally(() => pinned.delete(name));
    pinned.set(name, met);
    return met;
  };

  const usable = async (id: string): Promise<Entry | undefined> => {
    for (const entry of [...entries].filter(candidate => candidate.id === id && candidate.users < usersPerMaster)) {
      entry.users += 1;
      if ((await entry.connection).isAlive()) return entry;
      entry.users -= 1;
      void drop(entry);
    }
    return undefined;
  };

  const open = (id: string, server: ServerConnection, hostKey: string): Entry => {
    const entry: Entry = { id, users: 1, connection: openConnection(server, hostKey, dependencies.runFolder) };
    entries.add(entry);
    entry.connection.catch(() => entries.delete(entry));
    return entry;
  };

  const leaseOf = (entry: Entry, connection: SshConnection): SshLease => {
    clearTimeout(entry.idle);
    let held = true;
    return {
      socket: connection.socket,
      run: connection.run,
      forward: connection.forward,
      cancelForward: connection.cancelForward,
      isAlive: connection.isAlive,
      release: () => {
        if (!held) return;
        held = false;
        entry.users -= 1;
        if (entry.users > 0) return;
        entry.idle = setTimeout(() => void drop(entry), idleMs);
        entry.idle.unref();
      },
    };
  };

  return {
    acquire: async (server, contact) => {
      const hostKey = await hostKeyOf(server, contact);
      const id = identityOf(server, hostKey);
      const entry = (await usable(id)) ?? open(id, server, hostKey);
      return leaseOf(entry, await entry.connection);
    },
    closeAll: async () => {
      await Promise.all([...entries].map(drop));
    },
  };
}

/** Everything that makes a connection what it is: a changed key or address gets a new one. */
function identityOf(server: ServerConnection, hostKey: string): string {
  const parts = [server.id, server.address, server.port, server.user, server.sshKey, hostKey];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

function checkedHostKey(server: ServerConnection): string {
  const key = parseHostKey(server.hostKey);
  if (key) return key;
  throw new ConnectionProblem(
    'failed',
    `The pinned host key of ${server.name} is not a host key (expected "ssh-ed25519 AAAA…"). Correct or empty it on the page of the Server.`,
  );
}

async function firstContact(server: ServerConnection, contact: Contact): Promise<string> {
  const key = await scanHostKey(server);
  const fingerprint = fingerprintOf(key);
  contact.line(
    `First contact with ${server.name} (${server.address}): its host key is ${fingerprint}. It is pinned from now on.`,
  );
  await contact.hostKey(key, fingerprint);
  return key;
}
