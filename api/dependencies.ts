// What the routes need; built once in server.ts.

import type { DispatchDependencies } from '../dispatch/dependencies.ts';
import type { Listener } from '../model/store/events.ts';
import type { KeyRing } from '../secrets/key-ring.ts';
import type { SealingCodec } from '../secrets/payload-codec.ts';
import type { Auth } from './auth.ts';
import type { Engine } from './engine.ts';

export interface ApiDependencies extends DispatchDependencies {
  events: Listener;
  keys: KeyRing;
  auth: Auth;
  codec: SealingCodec;
  engine: Engine;
  publicUrl: string;
  /** Addresses and networks of proxies in front, which say for whom they ask. */
  proxies: string[];
  /** Where Temporal's console answers, without our sign-in. */
  consoleUrl: string;
  /** Folder of the built pages. */
  pages: string;
  /** After how many days what is over goes; 0 = never. */
  history: { logDays: number; runDays: number; auditDays: number };
  /** Where archives lie, what one may have, after how many days they go. */
  archives: { folder: string; limitBytes: number; days: number };
  /** What one attempt may store of its log. */
  logLimitBytes: number;
}
