// What an Operation type is, as read from operations/<name>.yml.

import type { Role } from './access.ts';
import type { EntityKind } from './entities.ts';
import type { FieldSpec } from './fields.ts';
import type { RootName } from './paths.ts';
import type { FailurePolicy, LockMode } from './plan.ts';
import type { ClusterKind } from './task-type.ts';

export interface StepType {
  id: string;
  /** Exactly one of task, operation, parallel. `task` may be `$application.<verb>`. */
  task?: string;
  operation?: string;
  parallel?: StepType[];
  title?: string;
  with: Record<string, unknown>;
  /** Subject of a nested Operation, or the Environment of a Task (`source`, `target`). Nothing: the same subject. */
  on?: RootName;
  /** Paths; left out where none of them has a value: where there is no `source`, say. */
  needs?: string[];
  /** Bool field by which a person leaves it out. */
  unless?: string;
  /** Kind of Cluster on which it is carried out; nothing: on both. */
  for?: ClusterKind;
  /** Left out where the application has no such verb, or the Task's Server is not known. */
  optional?: boolean;
  /** A person may skip it when it has failed; of a nested Operation each of its Tasks. */
  skippable?: boolean;
  /** It removes what the Task type, of a planning backend, has made. */
  destroys?: boolean;
  undo?: string;
  undoWith?: Record<string, unknown>;
  /** Output of the step, as in a Task type. */
  undoWhen?: string;
  undoStates?: string[];
  /** It is undone also when it has failed: it may have done half of its work. */
  undoFailed?: boolean;
  /** A further Task behind that of `undo`, and its arguments. */
  undoThen?: string;
  undoThenWith?: Record<string, unknown>;
  /** Step whose undo takes this one back too. */
  undoneBy?: string;
  /** Step from whose begin on this one is carried out in every case: when a step has failed, and after a cancel. */
  always?: string;
}

export interface AddedEnvironment {
  /** It is another side of the subject: the same site in a second place (model/sides.ts). */
  side: boolean;
  /** It is there for the time of the Operation only, under names of its own making (model/throwaway.ts). */
  throwaway: boolean;
  /** Its fields that the form asks for. */
  asks: string[];
  /** Its fields that are as the subject's, where no answer says otherwise. */
  takes: string[];
  /** Its fields by literals, or paths with a `$` in front; where one gives nothing, `takes` counts. */
  sets: Record<string, unknown>;
}

/** The subject gets other values: all steps see these, `source` is the subject as it was, and success writes them. */
export interface ChangedFields {
  /** Its fields that the form asks for, filled in with what they are. */
  asks: string[];
  /** Its lists that get one more value, by a path, when the bool field says so. */
  extends: Record<string, { by: string; when: string }>;
}

/** Without it the start is refused. Values are literals, or paths with a `$` in front. */
export interface OperationCheck {
  /** Path of what is looked at; without a value there it holds. */
  that: string;
  is?: unknown[];
  isNot?: unknown[];
  /** Bool field by which a person says that it need not hold. */
  unless?: string;
  message: string;
}

/** `among` and `except` are paths of the subject here; the form has ids in their place (preset-fields.ts). */
export interface OperationField extends FieldSpec {
  /** Path of the subject whose value stands there when nobody answers. */
  from?: string;
  /** False: never asked; without a value the Operation is refused with `missing`. */
  ask?: boolean;
  missing?: string;
}

export interface OperationType {
  /** An Action: one Task that answers at once, outside of any Operation. */
  action: boolean;
  /** It only compares: Tasks run in check mode, and what they would change are differences of the subject. */
  check?: boolean;
  /** Name of the Operation type of which this is the dry run. */
  dryRunOf?: string;
  /** Operation type on the same kind that puts differences right. */
  putRightBy?: string;
  /** Output of an Action that is a link to be opened, once. */
  opens?: string;
  name: string;
  title: string;
  description: string;
  version: string;
  on: EntityKind;
  /** States in which it is offered; empty = all but deleted. */
  when: string[];
  for: { cluster: string[]; application: string[] };
  confirm?: string;
  /** State of the subject → the bool field without which it is refused then. */
  confirmedBy?: Record<string, string>;
  /** Dangerous ones stand apart and ask for the name to be typed. */
  dangerous: boolean;
  minimumRole: Role;
  fields: OperationField[];
  /** An Environment that is added with the start: the root `target` of the steps. A field `target` names one that is there. */
  adds?: AddedEnvironment;
  changes?: ChangedFields;
  checks?: OperationCheck[];
  /** `source`: the Environment from which data come, where there is one. */
  locks: Partial<Record<EntityKind | 'source', LockMode>>;
  /** States of the subject that its begin and end set. */
  states: { begin?: string; succeeded?: string; failed?: string; cancelled?: string };
  /** The first step that touches the subject: what ends before it leaves the subject's state as it was. */
  touchesFrom?: string;
  /** Fields of the subject that its success sets, by the paths of their values (`release: backup.release`). */
  sets: Record<string, string>;
  /** Fields that the subject and its other side, the root `target`, have changed for each other when it has succeeded. */
  exchanges?: string[];
  /** Operation type on the same subject that takes back what a finished one has done. */
  takenBackBy?: string;
  /** What becomes of a failed one when nobody says so; nothing: it waits. */
  onFailure?: FailurePolicy;
  steps: StepType[];
}

/** `$application.install` → install; nothing for the name of a Task type. */
export function verbOf(task: string): string | undefined {
  return task.startsWith('$application.') ? task.slice('$application.'.length) : undefined;
}

export function missingVerb(application: string, verb: string): string {
  return `Applications of the type “${application}” have no “${verb}”.`;
}
