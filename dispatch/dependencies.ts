// What it takes to start an Operation: the API has it, and the worker for what starts by itself.

import type { Catalogue } from '../model/catalogue.ts';
import type { Plan } from '../model/plan.ts';
import type { Database } from '../model/store/database.ts';
import type { Vault } from '../secrets/vault.ts';

export interface CatalogueSource {
  current(): Promise<Catalogue>;
}

export interface Starter {
  /** Answers the id of the run; harmless when it has been started already. Waits a little for the attempt before to close. */
  start(plan: Plan, attempt: number): Promise<string>;
}

export interface DispatchDependencies {
  db: Database;
  vault: Vault;
  catalogue: CatalogueSource;
  engine: Starter;
  log(line: string, detail?: unknown): void;
}
