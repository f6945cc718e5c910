// From the plan's step to a Run: values bound, secrets opened, the connection to the Server, templates that win.

import { isAbsolute, join } from 'node:path';
import { readTaskTypeVersion } from '../catalogue/versions.ts';
import { isDict } from '../model/coerce.ts';
import { type EntityKind, entities, entityKinds } from '../model/entities.ts';
import { AppError } from '../model/errors.ts';
import { isSecretReference } from '../model/fields.ts';
import { readPath } from '../model/paths.ts';
import type { RunnableStep } from '../model/plan.ts';
import { inventoryOf } from '../model/store/inventory.ts';
import { openedArguments } from '../model/store/opened-arguments.ts';
import { type WinningOverride, winningOverrides } from '../model/store/overrides.ts';
import { loadRoot, type Root } from '../model/store/roots.ts';
import type { AttemptRow } from '../model/store/tasks.ts';
import type { Argument, TaskType } from '../model/task-type.ts';
import type { Run, ServerConnection } from './backends/backend.ts';
import type { ActivityDependencies } from './dependencies.ts';
import type { TaskArguments } from './run-task.ts';

/** An Action has no run of the engine of its own. */
export type PrepareArguments = Pick<TaskArguments, 'step' | 'bound' | 'fences'> & {
  operation: Omit<TaskArguments['operation'], 'engineRun'>;
};

export interface PreparedRun {
  run: Run;
  /** False: the Task type only reads. */
  changes: boolean;
  secretValues: string[];
}

export async function prepareRun(
  deps: ActivityDependencies,
  args: PrepareArguments,
  attempt: Pick<AttemptRow, 'id' | 'number'>,
  token: string,
): Promise<PreparedRun> {
  const { operation, step } = args;
  const type = await readTaskTypeVersion(deps.db, step.version);
  const roots = await loadStepRoots(deps, step);
  const { values, secretArguments, secretValues } = await openInputs(deps, args);
  await openEntities(deps, { specs: type.arguments, step, values, secretArguments, secretValues });
  Object.assign(values, await freshValues(deps, type.arguments, roots));
  const server = roots.server && step.target === 'server' ? await connectionOf(deps, roots.server) : undefined;
  if (server?.sshKey) secretValues.push(server.sshKey);
  const overrides = Object.entries(await winningOverrides(deps.db, step.taskType, overridden(step, roots)));
  const run: Run = {
    taskId: step.taskId,
    attemptId: attempt.id,
    operationId: operation.id,
    attempt: attempt.number,
    fences: args.fences,
    taskType: {
      name: type.name,
      title: step.title,
      version: type.version,
      facts: type.facts,
      arguments: type.arguments,
    },
    folder: await deps.folderOf(step.version),
    target: step.target,
    ...(server ? { server } : {}),
    arguments: values,
    secretArguments,
    context: {
      operation: operation.id,
      task: step.taskId,
      attempt: attempt.number,
      subject: operation.subject,
      fields: await customFields(deps, roots, secretValues),
      overrides: Object.fromEntries(overrides.map(([template, won]) => [template, originOf(won, roots)])),
    },
    feedback: { url: `${deps.apiUrl}/api/feedback/${step.taskId}`, token },
    ...(type.serves ? repositoryOf(type.serves, values) : {}),
    templates: Object.fromEntries(overrides.map(([template, { text }]) => [template, text])),
    checkMode: false,
  };
  return { run, changes: type.changes, secretValues };
}

/** The repository's name is the id of an Environment: nothing else in the folder can be meant. */
function repositoryOf(
  serves: NonNullable<TaskType['serves']>,
  values: Record<string, unknown>,
): Pick<Run, 'repository'> {
  const folder = folderOf(values[serves.folder]);
  const name = String(values[serves.name] ?? '');
  if (!folder) return {};
  if (!isAbsolute(folder) || !/^[0-9A-Z]{26}$/.test(name))
    throw new AppError(
      'invalid',
      'The folder of the Backup store is no absolute path, or the repository has no valid name.',
    );
  return { repository: { folder: join(folder, name), access: serves.access ?? 'add' } };
}

/** Of a Backup store: only one of the type directory is a folder here. */
function folderOf(value: unknown): string {
  if (!isDict(value)) return String(value ?? '');
  return value.type === 'directory' ? String(value.folder ?? '') : '';
}

async function loadStepRoots(
  deps: ActivityDependencies,
  step: RunnableStep,
): Promise<Partial<Record<EntityKind, Root>>> {
  const roots: Partial<Record<EntityKind, Root>> = {};
  for (const kind of entityKinds) {
    const id = step.roots[kind];
    if (id) roots[kind] = await loadRoot(deps.db, kind, id);
  }
  return roots;
}

/** What is laid over a template for an Environment counts on both of its sides. */
function overridden({ roots: ids }: RunnableStep, { environment }: Partial<Record<EntityKind, Root>>) {
  const whole = environment?.side_of as Root | null | undefined;
  return whole ? { ...ids, environment: whole.id } : ids;
}

/** `Project shop, version 3` */
function originOf({ kind, version }: WinningOverride, roots: Partial<Record<EntityKind, Root>>): string {
  return `${entities[kind].title} ${roots[kind]?.name ?? ''}, version ${version}`;
}

async function openInputs(deps: ActivityDependencies, { step, bound }: Pick<TaskArguments, 'step' | 'bound'>) {
  const values: Record<string, unknown> = {};
  const secretArguments: string[] = [];
  const secretValues: string[] = [];
  for (const [name, input] of Object.entries(step.inputs)) {
    if (input.from === 'secret') {
      const clear = await deps.vault.open(deps.db, input.id);
      values[name] = clear;
      secretArguments.push(name);
      secretValues.push(clear);
    } else {
      const value = input.from === 'value' ? input.value : bound[name];
      // An output that was not given leaves the role's own default.
      if (value !== null && value !== undefined) values[name] = value;
    }
  }
  return { values, secretArguments, secretValues };
}

/** Arguments that give all fields of an entity. They count as secret as a whole. */
async function openEntities(
  deps: ActivityDependencies,
  { specs, step, ...opened }: { specs: Argument[]; step: RunnableStep } & Awaited<ReturnType<typeof openInputs>>,
): Promise<void> {
  for (const [name, fields] of Object.entries(await openedArguments(deps.db, specs, step.inputs))) {
    const clear: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(fields)) {
      clear[key] = isSecretReference(value) ? await deps.vault.open(deps.db, value.$secret) : value;
      if (isSecretReference(value)) opened.secretValues.push(String(clear[key]));
    }
    opened.values[name] = clear;
    opened.secretArguments.push(name);
  }
}

/** What the plan could not know: others may have changed it since. */
async function freshValues(
  deps: ActivityDependencies,
  specs: Argument[],
  { server, ...others }: Partial<Record<EntityKind, Root>>,
): Promise<Record<string, unknown>> {
  const fresh = specs.filter(spec => spec.fresh);
  if (fresh.length === 0) return {};
  const inventory = server && { ...server, inventory: await inventoryOf(deps.db, server.id) };
  const roots = { ...others, ...(inventory && { server: inventory }) };
  return Object.fromEntries(fresh.map(({ name, from = [] }) => [name, readPath(roots, from[0] ?? '') ?? null]));
}

async function connectionOf(deps: ActivityDependencies, server: Root): Promise<ServerConnection> {
  const key = server.ssh_key;
  const local = server.connection === 'local';
  if (!local && !server.address) throw new AppError('invalid', `The Server ${server.name} has no address. Enter one.`);
  return {
    id: server.id,
    name: server.name,
    connection: local ? 'local' : 'ssh',
    address: String(server.address ?? ''),
    port: Number(server.port ?? 22),
    user: String(server.user ?? 'root'),
    sshKey: isSecretReference(key) ? await deps.vault.open(deps.db, key.$secret) : '',
    hostKey: String(server.host_key ?? ''),
    become: server.become === true,
    python: String(server.python ?? '/usr/bin/python3'),
  };
}

/** Custom fields of all roots; secret ones opened, as a role gets them. */
async function customFields(
  deps: ActivityDependencies,
  roots: Partial<Record<EntityKind, Root>>,
  secretValues: string[],
) {
  const fields: Record<string, Record<string, unknown>> = {};
  for (const [kind, root] of Object.entries(roots)) {
    const own: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(root.fields)) {
      own[name] = isSecretReference(value) ? await deps.vault.open(deps.db, value.$secret) : value;
      if (isSecretReference(value)) secretValues.push(String(own[name]));
    }
    fields[kind] = own;
  }
  return fields;
}
