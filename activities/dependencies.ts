// What activities need; built once in worker.ts.

import type { DispatchDependencies } from '../dispatch/dependencies.ts';
import type { Database } from '../model/store/database.ts';
import type { BackendName } from '../model/task-type.ts';
import type { Vault } from '../secrets/vault.ts';
import type { Backend } from './backends/backend.ts';
import type { Locks } from './locks.ts';

export interface ActivityDependencies {
  db: Database;
  vault: Vault;
  locks: Locks;
  backends: Record<BackendName, Backend>;
  /** For what starts by itself. */
  dispatch: DispatchDependencies;
  /** Folder of the Task type with this version, unpacked on this machine. */
  folderOf(version: string): Promise<string>;
  /** How this worker reaches the API: `http://127.0.0.1:8420`. */
  apiUrl: string;
  /** What one attempt may store of its log. */
  logLimitBytes: number;
}
