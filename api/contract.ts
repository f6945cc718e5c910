// The shapes of the API's answers, as the UI and the CLI use them. Routes:
//
//   GET    /api/health                                        open; HealthView, with 503 when this process cannot work
//   *      /api/auth/*                                        better-auth (sign-in/email, sign-out, get-session, ...)
//   POST   /api/sign-in-link  {token}                         open; one-time link → session cookie. Page: /sign-in?link=TOKEN
//   GET    /api/session                                       SessionView
//   POST   /api/session/password {password, email?, name?}    the first administrator sets e-mail and password
//   GET    /api/<plural>?state=&<field>=&fields.<name>=&search=&limit=&after=    Page<ListedEntity>
//   POST   /api/<plural>  {values, fields}                    201 Entity
//   GET    /api/<plural>/:id   (id, or name where it is unique)  EntityView
//   PATCH  /api/<plural>/:id  {values?, fields?}              Entity
//   DELETE /api/<plural>/:id                                  204; 409 when in use
//   GET    /api/placement?release=&cluster=&web_server=&database_server=&php_version=   PlacementView
//   GET    /api/environments/:id/retention                    RetentionView: which backups “Remove old backups” would remove, and why others stay
//   GET    /api/<plural>/:id/operation-types                  OperationTypeOffer[]
//   GET    /api/<plural>/:id/operation-types/:type/form       FormView   (?input=<json> shows values chosen so far)
//   POST   /api/<plural>/:id/operations {type, input, reason?}   201 OperationView; header Idempotency-Key
//   POST   /api/<plural>/:id/actions {type, input}            ActionView, at once; 503 when no worker is there
//   GET    /api/drift?limit=                                  DriftingView[]   entities with differences, most first
//   GET    /api/<plural>/:id/drift                            DriftView   (environment, server)
//   GET    /api/differences/:id                               DifferenceView
//   PUT    /api/differences/:id/acceptance {content, reason}  DifferenceView; 409 when it has changed since it was shown
//   DELETE /api/differences/:id/acceptance                    DifferenceView
//   GET    /api/<plural>/:id/overrides                        OverrideView[]   (environment, project, cluster, organisation)
//   PUT    /api/<plural>/:id/overrides/:taskType/:template {text}   engineer; text null removes it
//   GET    /api/operations?state=&subject=&type=&limit=&after=   Page<OperationSummary>
//   GET    /api/operations/:id                                OperationView
//   POST   /api/operations/:id/cancel?choice=ask|undo|leave     202 OperationSummary; harmless when over
//   POST   /api/operations/:id/decisions {attention, choice, inputs}   202 OperationView; answers what it asks
//   GET    /api/operations/:id/resume                         ResumeView
//   POST   /api/operations/:id/resume {inputs}                202 OperationView: a further attempt
//   GET    /api/operations/:id/again                          AgainView: its inputs for a new one
//   POST   /api/<plural>/:id/secrets/:field                   {secret}: a new one, answered once; fields that are handed out
//   GET    /api/receivers/:id/deliveries?limit=&after=        Page<DeliveryView>
//   POST   /api/receivers/:id/test, /api/deliveries/:id/again  DeliveryView
//   POST   /api/hooks/git/:project                            signed by the git server: 202 {id, state, message}
//   GET    /api/projects/:id/pushes?limit=&after=             PushPage
//   GET    /api/locks?kind=&id=                               ClaimView[]
//   DELETE /api/locks/:kind/:id/:operation                    204; administrator
//   GET    /api/operations/:id/log?task=&attempt=&after=&limit=   LogView; Accept: text/plain or ?format=text = the whole raw log
//   GET    /api/operations/:id/log/outline?task=&attempt=     LogOutline: which attempts make up the log, with their lines
//   GET    /api/operations/:id/log/lines?task=&attempt=&from=&to=&last=   LogRange: lines by their numbers
//   GET    /api/operations/:id/log/find?task=&attempt=&text=&regex=&ignore_case=&from=&limit=   LogHits
//   GET    /api/operations/:id/events?after=<line or event>   server-sent events, see StreamEvent
//   GET    /api/operations/:id/engine                         EngineView: the run's own history in words
//   GET    /api/events                                        server-sent events: {kind:'entity'|'operation', id}
//   GET    /api/tasks/:id/reproduce                           ReproduceView
//   POST   /api/schedules/preview {id?, values}               SchedulePreview (contract-schedules.ts): the next five times while it is being written
//   POST   /api/schedules/:id/run {subject?: {kind, id}}      202 RunNowView
//   GET    /api/schedule-entries?schedule=&subject=           Page<ScheduleEntryView>; without a Schedule what comes next, soonest first
//   GET    /api/scheduled-runs?schedule=&subject=&state=      Page<ScheduledRunView>
//   POST   /api/rollouts/preview {values, without}            RolloutPreview (contract-rollouts.ts); the fields: GET /api/rollouts/fields
//   POST   /api/rollouts {values, without}                    201 RolloutView; header Idempotency-Key
//   GET    /api/rollouts?state=, /:id, /:id/items?state=&wave=, /:id/report   Page<RolloutSummary>, RolloutView, Page<RolloutItemView>, text
//   POST   /api/rollouts/:id/pause|resume|pace|approve|abort|retry|remove|undo {reason, settings, subjects}   202 RolloutView
//   GET    /api/needs                                         {items: Need[], totals}: everything that waits for a person
//   POST   /api/operations/:id/seen {}                        204: a failure that somebody has looked at
//   GET    /api/catalogue                                     CatalogueView
//   GET    /api/task-types/:name/templates/:template          TemplateView
//   GET    /api/field-definitions, POST, DELETE /:id          FieldDefinition[]
//   GET    /api/audit?limit=&after=                           Page<AuditView>
//   /api/people, /api/sessions, /api/tokens                   people and their ways in: contract-people.ts
//   GET    /api/keys, POST /rotate, POST /reseal, DELETE /:id  KeyView[], RotationView (contract-keys.ts); administrators
//   POST   /api/codec/decode {payloads}                       engineers; for Temporal's console and command line
//   POST   /api/feedback/:task/{log,progress,outputs,fields}  run token only
//
// Errors are problem+json: {type, title, status, detail, code, requestId, problems: [{path, message}]}.
// A secret field takes a string and answers {"$secret": "<id>"}; a field left out stays as it is.

import type { Role } from '../model/access.ts';
import type { ActionEnd } from '../model/action.ts';
import type { ApplicationType } from '../model/application-type.ts';
import type { CronView } from '../model/cron-run.ts';
import type { DriftCount } from '../model/drift.ts';
import type { Entity, EntityDefinition, EntityKind } from '../model/entities.ts';
import type { Problem } from '../model/errors.ts';
import type { FieldSpec } from '../model/fields.ts';
import type { LogChunk } from '../model/log.ts';
import type { OperationType } from '../model/operation-type.ts';
import type { LockMode } from '../model/plan.ts';
import type { OperationState, TaskState } from '../model/run.ts';
import type { TaskType } from '../model/task-type.ts';
import type { AttentionView, FailedTaskView } from './contract-attention.ts';

export interface HealthView {
  /** This process can do its work: it reaches database and engine. */
  ok: boolean;
  /** `workers`: whether any carries out Operations; left out while nobody can know. */
  parts: { database: boolean; engine: boolean; workers?: boolean };
}

export interface Page<T> {
  items: T[];
  /** Pass as `after` for the next page; null = the last. */
  next: string | null;
}

export interface SessionView {
  user: { id: string; name: string; email: string };
  /** A code of an authenticator is asked for beside the password. */
  hasSecondFactor: boolean;
  role: Role;
  organisation: { id: string; name: string };
  /** True until the first administrator has set a password. */
  needsPassword: boolean;
  /** Address of Temporal's console behind our sign-in. */
  console: string;
  /** Built-in definitions with the custom fields of each kind. */
  entities: Record<EntityKind, EntityDefinition & { customFields: FieldSpec[] }>;
}

export interface ListedEntity extends Entity {
  /** Of an Environment: its Project's current Release, where it has another one. */
  update?: { id: string; name: string } | null;
  /** Of an Environment: its last backup whose restore was proven; null = none ever was. Times are ISO 8601. */
  proven?: { backup: string; madeAt: string; provenAt: string | null; recoverySeconds: number | null } | null;
  /** Of an Environment: its last run of cron; null = none is known. */
  cron?: CronView | null;
  /** Of an Environment or a Server: what differs there from what Aegir would make. */
  drift?: DriftCount;
}

export interface EntityView extends ListedEntity {
  /** Names of the referenced entities, by field. */
  references: Record<string, { id: string; kind: EntityKind; name: string; state: string }>;
  /** Entities that refer to this one, by kind (a Release's Environments, a Cluster's Servers). */
  referredBy: Partial<Record<EntityKind, ListedEntity[]>>;
  /** Where a Release lies, or what a Server holds. */
  presences: { server: string; serverName: string; release: string; releaseName: string; path: string }[];
  recentOperations: OperationSummary[];
}

/** Kept nowhere: there is no Operation, no Task and no log of it. */
export type ActionView = ActionEnd;

export interface ActionOffer {
  /** Output that is a link to open, once. */
  opens: string | null;
  /** Whether its form has something to ask; a question before it starts is one. */
  asks: 'nothing' | 'optional' | 'required';
}

export interface OperationTypeOffer {
  name: string;
  title: string;
  description: string;
  /** Of an Action, which answers at once (POST …/actions). null = an Operation. */
  action: ActionOffer | null;
  dangerous: boolean;
  enabled: boolean;
  /** Why it is disabled, in words. */
  reason: string;
}

export interface FormGroup {
  /** Task type or Operation type whose fields these are. */
  title: string;
  fields: FieldSpec[];
}

export interface FormView {
  type: string;
  title: string;
  confirm: string | null;
  dangerous: boolean;
  action: ActionOffer | null;
  /** Fields that still have to be asked; a remembered or default value stands in `default`. */
  groups: FormGroup[];
  /** Entities that the subject names and nobody is asked for. */
  given: { label: string; kind: EntityKind; id: string; name: string }[];
  /** What will be done, in order. */
  steps: { id: string; title: string; depth: number; target: string }[];
  hasDryRun: boolean;
  /** Who has to approve it before it begins, in words; '' = nobody. */
  approval: string;
  /** Why it cannot be started whatever is entered. */
  problems: Problem[];
}

export interface OperationSummary {
  id: string;
  type: string;
  title: string;
  state: OperationState;
  subject: { kind: EntityKind; id: string; name: string };
  parent: string | null;
  startedBy: string;
  reason: string;
  message: string;
  exitCode: number | null;
  /** 1, and one more with each resume. */
  attempt: number;
  createdAt: string;
  startedAt: string | null;
  endedAt: string | null;
}

export interface AttemptView {
  id: string;
  number: number;
  state: TaskState;
  exitCode: number | null;
  changed: boolean | null;
  message: string;
  lines: number;
  startedAt: string;
  endedAt: string | null;
}

export interface TaskView {
  id: string;
  operation: string;
  step: string;
  position: number;
  /** Nesting: 0 = a step of this Operation, 1 = of a nested one, ... */
  depth: number;
  /** Titles of the nested Operations that it is in. */
  within: string[];
  type: string;
  version: string;
  title: string;
  state: TaskState;
  target: string;
  message: string;
  progress: { percent: number; label: string } | null;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
  changed: boolean | null;
  /** Who went on without it; '' = nobody. */
  skippedBy: string;
  /** Task that it takes back; null = it is a step of its own. */
  undoes: string | null;
  attempts: AttemptView[];
  startedAt: string | null;
  endedAt: string | null;
}

export interface OperationView extends OperationSummary {
  input: Record<string, unknown>;
  tasks: TaskView[];
  children: OperationSummary[];
  /** Nothing is done: …/differences has what it would change. */
  isDryRun: boolean;
  /** What it, or a nested one, asks. */
  attentions: AttentionView[];
  /** Its locks: held, or waited for. */
  claims: (ClaimView & { behind: ClaimView[] })[];
  /** Why it was cancelled, and what becomes of it: '' = nobody has. */
  cancelRequestedBy: string;
  /** Page of this run in Temporal's console. */
  console: string;
}

/** Somebody in the queue of a lock. */
export interface ClaimView {
  kind: EntityKind;
  /** The entity. */
  id: string;
  name: string;
  mode: LockMode;
  operation: string;
  /** `Install blog` */
  title: string;
  startedBy: string;
  /** From 1 among those that wait; 0 = it holds the lock. */
  position: number;
  since: string;
}

export interface ResumeView {
  /** Why it cannot be resumed; '' = it can. */
  refusal: string;
  steps: { id: string; title: string; target: string; runs: boolean }[];
  tasks: FailedTaskView[];
  /** Operations on the same entity since, newest first. */
  since: OperationSummary[];
}

export interface AgainView {
  type: string;
  subject: { kind: EntityKind; id: string; name: string };
  /** Secrets as references, which a new start takes. */
  input: Record<string, unknown>;
  /** What has changed in its types since, in words. */
  changes: string[];
}

/** Logs of nested Operations are a part of it, in the place of their step. Without `task` and `attempt` everything. */
export type { PlacedServer, PlacementView } from '../dispatch/place-environment.ts';
export type { LogHits, LogOutline, LogRange } from '../model/log.ts';
export type { AttentionView, DryRunView, FailedTaskView } from './contract-attention.ts';

export interface LogView {
  chunks: LogChunk[];
  /** Pass as `after` to go on; null = nothing more at present. */
  next: string | null;
}

/** Event `data` of /api/operations/:id/events; the SSE id resumes without gaps (Last-Event-ID). */
export type StreamEvent =
  | { event: 'operation'; data: OperationView }
  | { event: 'log'; data: LogChunk }
  | { event: 'end'; data: { state: OperationState } };

export interface EngineView {
  workflowId: string;
  runId: string | null;
  console: string;
  /** `expired` when the engine no longer has it. */
  status: string;
  entries: { at: string; text: string }[];
}

export interface ReproduceView {
  command: string;
  files: Record<string, string>;
}

export interface CatalogueView {
  taskTypes: TaskType[];
  operationTypes: OperationType[];
  applicationTypes: ApplicationType[];
  /** Mistakes of refused types. */
  problems: { file: string; line: number; message: string }[];
}

export interface FieldDefinition extends FieldSpec {
  id: string;
  entityKind: EntityKind;
}

export interface OverrideView {
  taskType: string;
  template: string;
  text: string;
  version: number;
  changedBy: string;
  changedAt: string;
}

export interface TemplateView {
  /** As the Task type brings it. */
  text: string;
  /** What an override begins with: that text, or a patch for a manifest. */
  override: string;
}

export interface AuditView {
  id: string;
  at: string;
  actor: string;
  /** Address of whoever has asked for it; null for what Aegir has done by itself. */
  fromAddress: string | null;
  verb: string;
  objectKind: string;
  objectId: string;
  objectName: string;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

export interface ProblemJson {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  requestId: string;
  problems: Problem[];
}
