// Tables of what was done: Operations, their Tasks, attempts, logs; the catalogue's versions; the audit log.

import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  customType,
  index,
  integer,
  jsonb,
  pgSequence,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import type { Attention, CancelChoice, Decision } from '../../attention.ts';
import type { FoundDifference } from '../../drift.ts';
import type { EntityKind } from '../../entities.ts';
import type { LogMark } from '../../log.ts';
import type { LockMode, Plan, Planned } from '../../plan.ts';
import { type OperationState, openStates, operationStates, type TaskState, taskStates } from '../../run.ts';
import { organisations } from './common.ts';

const time = (name: string) => timestamp(name, { withTimezone: true });
const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' });
const oneOf = (column: string, values: readonly string[]) =>
  sql.raw(`${column} in (${values.map(value => `'${value}'`).join(', ')})`);
type Values = Record<string, unknown>;

export const operations = pgTable(
  'operations',
  {
    id: text('id').primaryKey(),
    organisation: text('organisation')
      .notNull()
      .references(() => organisations.id),
    type: text('type').notNull(),
    title: text('title').notNull(),
    subjectKind: text('subject_kind').$type<EntityKind>().notNull(),
    subjectId: text('subject_id').notNull(),
    subjectName: text('subject_name').notNull(),
    parent: text('parent').references((): AnyPgColumn => operations.id),
    state: text('state').$type<OperationState>().notNull().default('queued'),
    /** 1 for the first, one more with each resume; a start is a compare-and-set on it. */
    attempt: integer('attempt').notNull().default(1),
    /** Run of the engine that carries out this attempt: no other one may write here. null = not started yet. */
    engineRun: text('engine_run'),
    /** State of the subject before the first attempt: an undo goes back to it. */
    formerState: text('former_state'),
    attention: jsonb('attention').$type<Attention>(),
    decision: jsonb('decision').$type<Decision>(),
    input: jsonb('input').$type<Values>().notNull(),
    /** null for nested ones: their plan is part of the parent's. */
    plan: jsonb('plan').$type<Plan>(),
    reason: text('reason').notNull().default(''),
    startedBy: text('started_by').notNull(),
    message: text('message').notNull().default(''),
    exitCode: integer('exit_code'),
    idempotencyKey: text('idempotency_key'),
    /** Who has looked at its failure. */
    seenBy: text('seen_by'),
    cancelRequestedBy: text('cancel_requested_by'),
    cancelChoice: text('cancel_choice').$type<CancelChoice>(),
    createdAt: time('created_at').notNull().defaultNow(),
    /** Of the present attempt. */
    queuedAt: time('queued_at').notNull().defaultNow(),
    startedAt: time('started_at'),
    endedAt: time('ended_at'),
  },
  table => [
    uniqueIndex('operations_idempotency').on(table.organisation, table.idempotencyKey),
    index('operations_subject').on(table.subjectKind, table.subjectId, table.id),
    index('operations_organisation').on(table.organisation, table.id),
    index('operations_open')
      .on(table.state)
      .where(sql.raw(`state in (${openStates.map(state => `'${state}'`).join(', ')})`)),
    index('operations_parent').on(table.parent),
    check('operations_state_known', oneOf('state', operationStates)),
  ],
);

export const tasks = pgTable(
  'tasks',
  {
    id: text('id').primaryKey(),
    operation: text('operation')
      .notNull()
      .references(() => operations.id),
    /** The outermost Operation: its page shows all. */
    root: text('root')
      .notNull()
      .references(() => operations.id),
    position: integer('position').notNull(),
    step: text('step').notNull(),
    depth: integer('depth').notNull(),
    within: jsonb('within').$type<string[]>().notNull(),
    type: text('type').notNull(),
    version: text('version').notNull(),
    title: text('title').notNull(),
    target: text('target').notNull(),
    subjectKind: text('subject_kind').$type<EntityKind>().notNull(),
    subjectId: text('subject_id').notNull(),
    state: text('state').$type<TaskState>().notNull().default('pending'),
    message: text('message').notNull().default(''),
    progress: jsonb('progress').$type<{ percent: number; label: string }>(),
    /** As carried out; secrets as references. */
    inputs: jsonb('inputs').$type<Values>().notNull().default({}),
    outputs: jsonb('outputs').$type<Values>().notNull().default({}),
    changed: boolean('changed'),
    /** Who went on without it. */
    skippedBy: text('skipped_by'),
    /** Task that this one takes back. */
    undoes: text('undoes'),
    /** Of a dry run: what it would change. */
    differences: jsonb('differences').$type<FoundDifference[]>(),
    /** What was shown before somebody approved it. */
    planned: jsonb('planned').$type<Planned>(),
    /** Files to run it by hand, without secrets. */
    kept: jsonb('kept').$type<Record<string, string>>(),
    startedAt: time('started_at'),
    endedAt: time('ended_at'),
  },
  table => [
    index('tasks_operation').on(table.operation),
    uniqueIndex('tasks_root').on(table.root, table.position),
    index('tasks_remembered').on(table.type, table.subjectId, table.endedAt).where(sql.raw(`state = 'succeeded'`)),
    check('tasks_state_known', oneOf('state', taskStates)),
  ],
);

export const taskAttempts = pgTable(
  'task_attempts',
  {
    id: text('id').primaryKey(),
    task: text('task')
      .notNull()
      .references(() => tasks.id),
    number: integer('number').notNull(),
    /** Which execution of the engine it is: a repeated one is the same attempt. */
    execution: text('execution'),
    state: text('state').$type<TaskState>().notNull(),
    exitCode: integer('exit_code'),
    changed: boolean('changed'),
    message: text('message').notNull().default(''),
    /** Lines of its log so far; the next one gets this number plus one. */
    lines: integer('lines').notNull().default(0),
    /** Of these lines, with their newlines. */
    bytes: bigint('bytes', { mode: 'number' }).notNull().default(0),
    /** Counts the worker's writes to the log: a repeated one, whose answer was lost, is known by it. */
    logWrites: integer('log_writes').notNull().default(0),
    /** Of the token with which the run may give feedback, while it runs. */
    feedbackHash: text('feedback_hash').notNull(),
    startedAt: time('started_at').notNull().defaultNow(),
    endedAt: time('ended_at'),
    /** Its Server did not answer when it was to be ended: something of it may still run there. */
    leftSince: time('left_since'),
    /** One line stands in the place of its log, which was too old. */
    logGoneAt: time('log_gone_at'),
  },
  table => [
    index('task_attempts_log').on(table.endedAt).where(sql`bytes > 0 and log_gone_at is null`),
    index('task_attempts_left').on(table.leftSince).where(sql`left_since is not null`),
    uniqueIndex('task_attempts_number').on(table.task, table.number),
    uniqueIndex('task_attempts_execution').on(table.task, table.execution),
    check('task_attempts_state_known', oneOf('state', taskStates)),
  ],
);

/** Order of everybody who ever held a lock: whoever has a lower one than the last holder is late. */
export const fencingTokens = pgSequence('fencing_tokens');

/** What the lock workflows say: who holds a lock, who waits behind whom. */
export const lockClaims = pgTable(
  'lock_claims',
  {
    entityKind: text('entity_kind').$type<EntityKind>().notNull(),
    entityId: text('entity_id').notNull(),
    operation: text('operation')
      .notNull()
      .references(() => operations.id),
    /** Its run of the engine. */
    run: text('run').notNull(),
    mode: text('mode').$type<LockMode>().notNull(),
    most: integer('most'),
    /** null = it waits. */
    token: bigint('token', { mode: 'number' }),
    /** From 1 among those that wait; 0 = it holds the lock. */
    position: integer('position').notNull(),
    priority: integer('priority').notNull(),
    since: time('since').notNull(),
  },
  table => [
    primaryKey({ columns: [table.entityKind, table.entityId, table.operation] }),
    index('lock_claims_operation').on(table.operation),
  ],
);

export const logChunks = pgTable(
  'log_chunks',
  {
    attempt: text('attempt')
      .notNull()
      .references(() => taskAttempts.id),
    firstLine: integer('first_line').notNull(),
    lineCount: integer('line_count').notNull(),
    text: text('text').notNull(),
    marks: jsonb('marks').$type<LogMark[]>().notNull(),
    /** Order of arrival over all attempts of an Operation (see logs.ts): what a stream goes on from. */
    sequence: bigint('sequence', { mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    at: time('at').notNull().defaultNow(),
  },
  table => [
    primaryKey({ columns: [table.attempt, table.sequence] }),
    index('log_chunks_lines').on(table.attempt, table.firstLine),
  ],
);

/** Every version of a type that a plan may name. Task types carry their packed folder. */
export const catalogueVersions = pgTable('catalogue_versions', {
  version: text('version').primaryKey(),
  kind: text('kind').notNull(),
  name: text('name').notNull(),
  /** As read and checked. */
  spec: jsonb('spec').$type<Values>().notNull(),
  /** The packed folder of a Task type; empty for the others, whose spec is all there is. */
  content: bytea('content').notNull(),
  createdAt: time('created_at').notNull().defaultNow(),
});

/** The versions that count at present: workers need not have the folders of types. */
export const catalogueCurrent = pgTable(
  'catalogue_current',
  {
    kind: text('kind').notNull(),
    name: text('name').notNull(),
    version: text('version')
      .notNull()
      .references(() => catalogueVersions.version),
  },
  table => [primaryKey({ columns: [table.kind, table.name] })],
);

export const audit = pgTable(
  'audit',
  {
    id: text('id').primaryKey(),
    organisation: text('organisation').notNull(),
    at: time('at').notNull().defaultNow(),
    actor: text('actor').notNull(),
    fromAddress: text('from_address'),
    verb: text('verb').notNull(),
    objectKind: text('object_kind').notNull(),
    objectId: text('object_id').notNull(),
    objectName: text('object_name').notNull(),
    before: jsonb('before').$type<Values>(),
    after: jsonb('after').$type<Values>(),
  },
  table => [
    index('audit_organisation').on(table.organisation, table.id),
    index('audit_object').on(table.objectKind, table.objectId),
  ],
);
