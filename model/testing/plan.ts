// What tests of plans are made of: types, an Environment with all that it belongs to, and a plan of them.

import type { Catalogue } from '../catalogue.ts';
import { makePlan } from '../make-plan.ts';
import type { OperationType, StepType } from '../operation-type.ts';
import type { PathRoots, Scope } from '../step-values.ts';
import type { Argument, TaskType } from '../task-type.ts';
import { resolveSteps } from '../walk-steps.ts';

export const taskType = (name: string, args: Argument[], more: Partial<TaskType> = {}): TaskType => ({
  name,
  title: `Title of ${name}`,
  description: '',
  version: `v-${name}`,
  target: 'worker',
  backends: ['ansible'],
  arguments: args,
  rules: {},
  outputs: [],
  timeoutSeconds: 60,
  retry: { attempts: 1, firstDelaySeconds: 1 },
  repeatable: true,
  changes: true,
  preview: false,
  facts: false,
  needs: [],
  templates: [],
  ...more,
});

export const operationType = (
  name: string,
  steps: Partial<StepType>[],
  more: Partial<OperationType> = {},
): OperationType => ({
  name,
  title: `Title of ${name}`,
  description: '',
  version: `v-${name}`,
  on: 'environment',
  action: false,
  when: [],
  for: { cluster: [], application: [] },
  dangerous: false,
  minimumRole: 'operator',
  fields: [],
  locks: {},
  sets: {},
  states: {},
  steps: steps.map((step, index) => ({ id: `s${index}`, with: {}, ...step })),
  ...more,
});

export const catalogue = (tasks: TaskType[], operations: OperationType[] = []): Catalogue => ({
  taskTypes: new Map(tasks.map(type => [type.name, type])),
  operationTypes: new Map(operations.map(type => [type.name, type])),
  applicationTypes: new Map([
    [
      'static',
      {
        name: 'static',
        title: '',
        description: '',
        version: '',
        recognisedBy: [],
        values: { docroot: 'public' },
        database: 'none' as const,
        php: false,
        verbs: { install: 'put_files' },
      },
    ],
  ]),
  problems: [],
});

export const entity = (id: string, values: Record<string, unknown>) => ({
  id,
  name: id,
  state: 'new',
  fields: {},
  ...values,
});
export const project = entity('project-1', {
  repository: 'https://example.org/x.git',
  application: 'static',
  deploy_key: { $secret: 'k1' },
  fields: { contact: 'ada' },
});
export const release = entity('release-1', { project, hash: null });
export const server = entity('server-1', { address: '192.0.2.1' });
export const roots: PathRoots = {
  environment: entity('environment-1', { release, web_server: server }),
  release,
  project,
  server,
};

export const scope = (type: OperationType, more: Partial<Scope> = {}): Scope => ({
  roots,
  given: {},
  answers: {},
  fields: type.fields,
  remembered: {},
  openRoots: new Set(),
  within: [],
  ...more,
});

export function plan(types: Catalogue, type: OperationType, more: Partial<Scope> = {}) {
  let number = 0;
  const steps = resolveSteps(types, type.steps, scope(type, more));
  const subject = { kind: 'environment' as const, id: 'environment-1', name: 'environment-1' };
  return makePlan({
    type,
    subject,
    roots,
    changed: null,
    steps,
    organisation: 'o',
    startedBy: 'ada',
    priority: 0,
    newId: () => `id-${++number}`,
  });
}
