// Answers of the API for tests, whole and of the contract's types.

import type {
  AttemptView,
  AttentionView,
  CatalogueView,
  ClaimView,
  EntityView,
  FormView,
  OperationView,
  SessionView,
  TaskView,
} from '../../api/contract.ts';
import { type EntityKind, entities, entityKinds } from '../../model/entities.ts';
import type { FieldSpec } from '../../model/fields.ts';
import type { LogChunk } from '../../model/log.ts';
import type { OperationType } from '../../model/operation-type.ts';

const at = '2026-11-21T08:00:00.000Z';

export function sessionView(customFields: Partial<Record<EntityKind, FieldSpec[]>> = {}): SessionView {
  const definitions = entityKinds.map(kind => [kind, { ...entities[kind], customFields: customFields[kind] ?? [] }]);
  return {
    user: { id: 'u1', name: 'Ada', email: 'ada@example.org' },
    hasSecondFactor: false,
    role: 'administrator',
    organisation: { id: 'o1', name: 'Example' },
    needsPassword: false,
    console: 'http://127.0.0.1:8424',
    entities: Object.fromEntries(definitions) as SessionView['entities'],
  };
}

export function entityView(kind: EntityKind, id: string, values: Record<string, unknown>): EntityView {
  return {
    id,
    kind,
    state: 'new',
    values,
    fields: {},
    createdAt: at,
    updatedAt: at,
    references: {},
    referredBy: {},
    presences: [],
    recentOperations: [],
  };
}

export function operationType(name: string, fields: FieldSpec[] = []): OperationType {
  return {
    name,
    title: 'Install',
    description: 'Puts a site on its Server.',
    version: 'v1',
    on: 'environment',
    action: false,
    when: ['new'],
    for: { cluster: [], application: [] },
    dangerous: false,
    minimumRole: 'operator',
    fields,
    locks: {},
    states: {},
    sets: {},

    steps: [],
  };
}

export function catalogueView(...operationTypes: OperationType[]): CatalogueView {
  return { taskTypes: [], operationTypes, applicationTypes: [], problems: [] };
}

export function formView(fields: FieldSpec[] = []): FormView {
  return {
    type: 'install_environment',
    title: 'Install',
    confirm: null,
    dangerous: false,
    action: null,
    groups: [{ title: 'Write vhost', fields }],
    given: [],
    steps: [{ id: 'code', title: 'Deploy release', depth: 0, target: 'web1' }],
    hasDryRun: true,
    approval: '',
    problems: [],
  };
}

export function operationView(changes: Partial<OperationView> = {}): OperationView {
  return {
    id: 'op1',
    type: 'install_environment',
    title: 'Install',
    state: 'running',
    subject: { kind: 'environment', id: 'e1', name: 'blog' },
    parent: null,
    startedBy: 'Ada',
    reason: '',
    message: '',
    attempt: 1,
    attentions: [],
    claims: [],
    cancelRequestedBy: '',
    exitCode: null,
    createdAt: at,
    startedAt: at,
    endedAt: null,
    input: {},
    tasks: [],
    children: [],
    isDryRun: false,
    console: 'http://127.0.0.1:8424/op1',
    ...changes,
  };
}

export function taskView(id: string, changes: Partial<TaskView> = {}): TaskView {
  return {
    id,
    operation: 'op1',
    step: id,
    position: 0,
    depth: 0,
    within: [],
    type: 'deploy_release',
    version: 'v1',
    title: `Step ${id}`,
    state: 'running',
    target: 'web1',
    message: '',
    progress: null,
    inputs: {},
    outputs: {},
    changed: null,
    skippedBy: '',
    undoes: null,
    attempts: [],
    startedAt: at,
    endedAt: null,
    ...changes,
  };
}

export function attemptView(id: string, lines: number, changes: Partial<AttemptView> = {}): AttemptView {
  return {
    id,
    number: 1,
    state: 'succeeded',
    exitCode: 0,
    changed: true,
    message: '',
    lines,
    startedAt: at,
    endedAt: at,
    ...changes,
  };
}

export function logChunk(taskId: string, firstLine: number, lines: string[], attemptId = `${taskId}-1`): LogChunk {
  return { attemptId, taskId, firstLine, lineCount: lines.length, text: lines.join('\n'), marks: [], at };
}

export function attentionView(changes: Partial<AttentionView> = {}): AttentionView {
  return {
    id: '1.1',
    about: 'step',
    message: 'It did not work.',
    tasks: ['a'],
    choices: ['retry', 'leave', 'undo'],
    policy: null,
    since: at,
    operation: 'op1',
    isDecided: false,
    touches: [],
    failed: [{ id: 'a', title: 'Step a', fields: [{ name: 'http_port', type: 'int', default: 80 }] }],
    effects: { retry: 'Runs Step a again.', leave: 'Ends it.', undo: 'Takes back: Step b.' },
    ...changes,
  };
}

export function claimView(operation: string, position: number): ClaimView {
  return {
    kind: 'environment',
    id: 'e1',
    name: 'blog',
    mode: 'exclusive',
    operation,
    title: `Install ${operation}`,
    startedBy: 'Bob',
    position,
    since: at,
  };
}
