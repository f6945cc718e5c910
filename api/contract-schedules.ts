// What the API answers of Schedules; the routes stand in contract.ts.

import type { SubjectReference } from '../model/plan.ts';
import type { OperationState } from '../model/run.ts';
import type { ScheduledRunState } from '../model/schedule.ts';
import type { OperationSummary } from './contract.ts';

export type { SchedulePreview } from '../dispatch/check-schedule.ts';

/** The times of a Schedule on one of its subjects. */
export interface ScheduleEntryView {
  id: string;
  schedule: { id: string; name: string; operationType: string; paused: boolean };
  subject: SubjectReference;
  /** With H in its place; null for an interval, and while the engine does not know it yet. */
  expression: string | null;
  zone: string | null;
  every: string | null;
  /** null: it is paused, or not written to the engine yet. */
  nextAt: string | null;
  last: {
    dueAt: string;
    state: ScheduledRunState;
    reason: string;
    operation: string | null;
    operationState: OperationState | null;
  } | null;
  /** What somebody had changed in the engine. */
  mended: { what: string; at: string } | null;
}

/** What became of one time. */
export interface ScheduledRunView {
  id: string;
  schedule: { id: string; name: string };
  subject: SubjectReference;
  dueAt: string;
  /** When it was written down. */
  at: string;
  state: ScheduledRunState;
  reason: string;
  operation: string | null;
  operationState: OperationState | null;
}

export interface RunNowView {
  started: OperationSummary[];
  refused: { subject: SubjectReference; message: string }[];
}
