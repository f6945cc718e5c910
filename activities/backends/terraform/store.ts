// Where states and plans are kept, as the backend sees it. They hold secrets in clear, so they are sealed before they are
// written anywhere (activities/terraform-store.ts).

import type { Run } from '../backend.ts';

export interface KnownState {
  /** As Terraform wrote it; '' = nothing was made yet. */
  text: string;
  /** Tasks: which found nothing and made it, which changed it last; '' = none. */
  madeBy: string;
  changedBy: string;
}

/** The state while this attempt has it alone. */
export interface HeldState extends KnownState {
  /** Waits while the database is away. @throws AppError conflict when somebody else has it by now. */
  write(text: string): Promise<void>;
  isMine(): Promise<boolean>;
  release(): Promise<void>;
  /** Everything is destroyed: nothing of it is kept, former states neither. */
  forget(): Promise<void>;
}

export interface KeptPlan {
  /** The plan file, base64. */
  file: string;
  /** Hash of the state that it was made for. */
  basis: string;
  /** What it does: `create terraform_data.one`. */
  steps: string[];
}

export type RunWithState = Run & { state: NonNullable<Run['state']> };

export interface TerraformStore {
  read(run: RunWithState): Promise<KnownState>;
  /** null: another Task has it. */
  take(run: RunWithState): Promise<HeldState | null>;
  /** Who has it, in words. */
  holder(run: RunWithState): Promise<string>;
  /** Of these attempts of the Task, which are over. */
  release(taskId: string, upTo: number): Promise<void>;
  /** Answers the token by which it is found again. */
  keepPlan(run: RunWithState, plan: KeptPlan): Promise<string>;
  findPlan(taskId: string, token: string): Promise<KeptPlan | null>;
}

export interface TerraformSettings {
  /** Path or name of the program; '' = terraform, else tofu. */
  program: string;
  /** Folder with the providers; nothing is ever downloaded. */
  plugins: string;
  store: TerraformStore;
}
