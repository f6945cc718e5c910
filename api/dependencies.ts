// What the routes need; built once in server.ts.

import type { PayloadCodec } from '@temporalio/common';
import type { Database } from '../model/store/database.ts';
import type { Listener } from '../model/store/events.ts';
import type { Vault } from '../secrets/vault.ts';
import type { Auth } from './auth.ts';
import type { CatalogueSource } from './catalogue-source.ts';
import type { Engine } from './engine.ts';

export interface ApiDependencies {
  db: Database;
  events: Listener;
  vault: Vault;
  auth: Auth;
  codec: PayloadCodec;
  engine: Engine;
  catalogue: CatalogueSource;
  publicUrl: string;
  /** Where Temporal's console answers, without our sign-in. */
  consoleUrl: string;
  /** Folder of the built pages. */
  pages: string;
  /** What one attempt may store of its log. */
  logLimitBytes: number;
  log(line: string, detail?: unknown): void;
}
