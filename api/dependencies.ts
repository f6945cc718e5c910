// What the routes need; built once in server.ts.

import type { Database } from '../model/store/database.ts';
import type { Listener } from '../model/store/events.ts';
import type { KeyRing } from '../secrets/key-ring.ts';
import type { SealingCodec } from '../secrets/payload-codec.ts';
import type { Vault } from '../secrets/vault.ts';
import type { Auth } from './auth.ts';
import type { CatalogueSource } from './catalogue-source.ts';
import type { Engine } from './engine.ts';

export interface ApiDependencies {
  db: Database;
  events: Listener;
  keys: KeyRing;
  vault: Vault;
  auth: Auth;
  codec: SealingCodec;
  engine: Engine;
  catalogue: CatalogueSource;
  publicUrl: string;
  /** Where Temporal's console answers, without our sign-in. */
  consoleUrl: string;
  /** Folder of the built pages. */
  pages: string;
  /** Where archives lie, what one may have, after how many days they go. */
  archives: { folder: string; limitBytes: number; days: number };
  /** What one attempt may store of its log. */
  logLimitBytes: number;
  log(line: string, detail?: unknown): void;
}
