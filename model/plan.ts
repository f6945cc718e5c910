// The plan of an Operation: everything that will be done, frozen when it is started. The workflow interprets it, the
// pages show it. How it is made is in make-plan.ts.

import type { Role } from './access.ts';
import type { PlannedApproval } from './approval.ts';
import type { FoundDifference, NotCompared } from './drift.ts';
import type { EntityKind } from './entities.ts';
import type { BackendName, Output, RetryPolicy, TaskTarget } from './task-type.ts';

/** Where an argument gets its value when the step runs. Values of people never turn into the other two. */
export type Input =
  | { from: 'value'; value: unknown }
  | { from: 'secret'; id: string }
  /** `step`: path of step ids, through nested Operations. */
  | { from: 'output'; step: string[]; output: string };

export interface SubjectReference {
  kind: EntityKind;
  id: string;
  name: string;
}

export interface TaskStep {
  kind: 'task';
  id: string;
  taskId: string;
  taskType: string;
  version: string;
  title: string;
  backend: BackendName;
  target: TaskTarget;
  /** Server on which it runs. */
  server: SubjectReference | null;
  /** Kubernetes cluster in which it runs; nothing: in none. */
  cluster?: SubjectReference;
  inputs: Record<string, Input>;
  outputs: Output[];
  /** Entities that it may set fields of, by root. */
  roots: Partial<Record<EntityKind, string>>;
  timeoutSeconds: number;
  retry: RetryPolicy;
  repeatable: boolean;
  /** Of an Operation that only compares: its differences count, and it changes nothing. `dry_run`: in check mode; `look`: it
   * reads only, and tells differences as an output. */
  check?: 'dry_run' | 'look';
  /** Of a dry run: differences are kept with the Task. */
  keepsDifferences?: boolean;
  /** Of a planning backend: for what it keeps a state. Before an approval its plan is made, and then exactly that is carried out. */
  state?: SubjectReference;
  /** It removes what the Task type has made there. */
  destroys?: boolean;
  /** A person may go on without it when it has failed. */
  skippable: boolean;
  /** It waits before it; nothing: it does not. */
  approval?: PlannedApproval;
  /** The Task that takes back what this one did; null = nothing can. */
  undo: UndoStep | null;
  /** Step of the same Operation whose undo takes this one back too. */
  undoneBy: string | null;
  /** What it made may stay after an undo. */
  keeps: boolean;
}

export interface UndoStep extends RunnableStep {
  /** Task that it undoes. */
  undoes: string;
  /** Output of that Task which says whether there is something to undo; null = whenever it changed something. */
  when: string | null;
  /** States of the subject before the Operation in which it may be taken back; null = any. */
  states: string[] | null;
  /** Also when that Task has failed or was cut off, as it may have done half of its work; nothing in plans of earlier versions. */
  failed?: boolean;
  /** What is carried out behind it. */
  further?: UndoStep;
}

/** Where it runs, for people. */
export const placeOfStep = ({ server, cluster }: Pick<TaskStep, 'server' | 'cluster'>): string =>
  server?.name ?? cluster?.name ?? 'worker';

/** What a worker carries out. */
export type RunnableStep = Omit<TaskStep, 'undo' | 'undoneBy' | 'keeps' | 'skippable' | 'approval'> & {
  undoes?: string;
};

/** What a Task would do, made before somebody approves it. */
export interface Planned {
  /** By it the backend knows the plan again; '' = there is none, because of this problem. */
  token: string;
  problem: string;
  /** Without secrets. */
  differences: FoundDifference[];
}

export type LockMode = 'exclusive' | 'shared';

export interface PlannedLock extends SubjectReference {
  mode: LockMode;
  /** Most holders side by side of a shared one; null = any number. */
  limit: number | null;
}

/** What becomes of a failed Operation when nobody says so. */
export interface FailurePolicy {
  choose: 'undo' | 'leave';
  /** Until then it waits for a person; 0 = at once. */
  afterHours: number;
}

export interface PlannedSide {
  id: string;
  /** It was made for this Operation: it goes when everything is undone. */
  added: boolean;
  /** Fields that both have changed for each other when it has succeeded. */
  exchanges: string[];
}

export interface OperationStep {
  kind: 'operation';
  id: string;
  plan: Plan;
  /** Step from whose begin on this one is carried out in every case. */
  always?: string;
  approval?: PlannedApproval;
}

export interface ParallelStep {
  kind: 'parallel';
  id: string;
  approval?: PlannedApproval;
  steps: PlanStep[];
}

export type PlanStep = TaskStep | OperationStep | ParallelStep;

export interface Plan {
  operationId: string;
  type: string;
  version: string;
  title: string;
  subject: SubjectReference;
  organisation: string;
  startedBy: string;
  /** Higher ones come first where several wait for the same lock; 0 is usual. */
  priority: number;
  /** It waits for it before it begins, unless it was given with the Rollout; nothing: nobody has to approve it. */
  approval?: PlannedApproval;
  /** Who may decide about it. */
  minimumRole: Role;
  states: { begin?: string; succeeded?: string; failed?: string; cancelled?: string };
  /** Fields of the subject that its success sets; nothing in plans of earlier versions. */
  sets?: Record<string, unknown>;
  /** It only compares; which of its Tasks it cannot. */
  check?: {
    notCompared: NotCompared[];
    /** A dry run of that Operation type: differences are what it would change, and not drift. */
    dryRunOf?: string;
  };
  /** Values of the subject that are to become others, as they were when this was planned. */
  before?: Record<string, unknown>;
  /** The other side of the subject; nothing in plans of earlier versions, and of types that have none. */
  side?: PlannedSide;
  /** Id of the Environment that was added for the time of this Operation. */
  throwaway?: string;
  /** Step before which the subject is not touched; nothing in plans of earlier versions. */
  touchesFrom?: string;
  /** Search attributes of the run: names of what it touches. */
  names: Partial<Record<EntityKind, string>>;
  /** Task of the pre-flight; null in nested Operations, whose steps the outer one has checked. */
  preflightTaskId: string | null;
  /** Taken in this order by the outermost Operation for all of its tree; empty in nested ones. */
  locks: PlannedLock[];
  /** null = a failed step waits for a person as long as it takes. */
  onFailure: FailurePolicy | null;
  steps: PlanStep[];
}

/** Every Task of a plan in order, nested and parallel ones included. */
export function* tasksOf(
  plan: Plan,
  within: string[] = [],
): Generator<{ step: TaskStep; plan: Plan; within: string[] }> {
  yield* tasksOfSteps(plan.steps, plan, within);
}

function* tasksOfSteps(
  steps: PlanStep[],
  plan: Plan,
  within: string[],
): Generator<{ step: TaskStep; plan: Plan; within: string[] }> {
  for (const step of steps) {
    if (step.kind === 'task') yield { step, plan, within };
    else if (step.kind === 'parallel') yield* tasksOfSteps(step.steps, plan, within);
    else yield* tasksOf(step.plan, [...within, titleWithin(step.plan, plan)]);
  }
}

/** One that works on something else says on what. */
function titleWithin({ title, subject }: Plan, outer: Plan): string {
  return subject.id === outer.subject.id ? title : `${title} ${subject.name}`;
}

/** Everything that a worker may carry out of it: steps, and what undoes them. */
export function* runnablesOf(plan: Plan): Generator<RunnableStep> {
  for (const { step } of tasksOf(plan)) {
    yield step;
    yield* undosOf(step);
  }
}

/** What takes a step back, in the order in which it is carried out. */
export function undosOf({ undo }: TaskStep): UndoStep[] {
  return undo ? [undo, ...(undo.further ? [undo.further] : [])] : [];
}

/** Nested plans in order, the given one first. */
export function* plansOf(plan: Plan, parent: Plan | null = null): Generator<{ plan: Plan; parent: Plan | null }> {
  yield { plan, parent };
  for (const nested of nestedPlans(plan.steps)) yield* plansOf(nested, plan);
}

function nestedPlans(steps: PlanStep[]): Plan[] {
  return steps.flatMap(step => {
    if (step.kind === 'operation') return [step.plan];
    return step.kind === 'parallel' ? nestedPlans(step.steps) : [];
  });
}
