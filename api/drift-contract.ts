// The shapes of the API's answers about drift; the routes stand in contract.ts.

import type { DriftCount, NotCompared } from '../model/drift.ts';
import type { EntityKind } from '../model/entities.ts';

export interface DriftView extends DriftCount {
  /** The last Operation that compared; '' = none has. */
  operation: string;
  /** Why not everything could be compared. */
  parts: NotCompared[];
  /** Operation types on it: which compares, which puts right. '' = there is none. */
  checkedBy: string;
  putRightBy: { type: string; title: string } | null;
  differences: DifferenceView[];
}

export interface DifferenceView {
  id: string;
  /** Of the step that found it. */
  title: string;
  task: string;
  /** File, package, account …; '' where the tool does not say. */
  resource: string;
  /** Unified diff, or words; without secrets. */
  text: string;
  /** Characters that were left out of the text. */
  leftOut: number;
  /** Names this content: acceptances are of one. */
  content: string;
  firstSeen: string;
  /** When it last became another one. */
  changedAt: string;
  lastSeen: string;
  operation: string;
  acceptance: { by: string; at: string; reason: string; counts: boolean } | null;
}

/** An entity with differences. */
export interface DriftingView extends DriftCount {
  kind: EntityKind;
  id: string;
  name: string;
}
