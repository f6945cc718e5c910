// What the API answers of Rollouts; the routes stand in contract.ts.

import type { SubjectReference } from '../model/plan.ts';
import type { RolloutCounts, RolloutItemState, RolloutSettings, RolloutState } from '../model/rollout.ts';
import type { Selection } from '../model/selection.ts';
import type { AuditView } from './contract.ts';

export type { RolloutPreview } from '../dispatch/rollouts.ts';

export interface RolloutSummary {
  id: string;
  title: string;
  operationType: string;
  state: RolloutState;
  /** Of `waves`, from 1. */
  wave: number;
  waves: number;
  counts: RolloutCounts;
  message: string;
  startedBy: string;
  reason: string;
  createdAt: string;
  endedAt: string | null;
}

export interface RolloutView extends RolloutSummary {
  settings: RolloutSettings;
  input: Record<string, unknown>;
  selection: Selection;
  /** How many failures it may have, as a number. */
  budget: number;
  undoes: string | null;
  /** Operation type by which it can be undone, with its title; null: there is none. */
  takenBackBy: string | null;
  /** Who has done what, in order. */
  events: Pick<AuditView, 'at' | 'actor' | 'verb' | 'after'>[];
  console: string;
}

export interface RolloutItemView {
  id: string;
  position: number;
  /** From 1. */
  wave: number;
  subject: SubjectReference;
  state: RolloutItemState;
  attempt: number;
  operation: string | null;
  message: string;
  startedAt: string | null;
  endedAt: string | null;
}
