// From the plan's step to a Run: values bound, secrets opened, the connection to the Server, templates that win.

import { readTaskTypeVersion } from '../catalogue/versions.ts';
import { kubeconfigSecrets } from '../dispatch/kubeconfig.ts';
import { type EntityKind, entityKinds } from '../model/entities.ts';
import { AppError } from '../model/errors.ts';
import { isSecretReference } from '../model/fields.ts';
import { readPath } from '../model/paths.ts';
import type { RunnableStep } from '../model/plan.ts';
import { listCronSites } from '../model/store/cron-runs.ts';
import { inventoryOf } from '../model/store/inventory.ts';
import { openedArguments } from '../model/store/opened-arguments.ts';
import { listUntoldAttempts } from '../model/store/over.ts';
import { retentionForTask } from '../model/store/retentions.ts';
import { loadRoot, type Root } from '../model/store/roots.ts';
import type { AttemptRow } from '../model/store/tasks.ts';
import type { Argument } from '../model/task-type.ts';
import { servedRepository } from '../repository/served.ts';
import type { Run, ServerConnection } from './backends/backend.ts';
import { clusterOf } from './cluster-connection.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { overridesOf } from './overrides.ts';
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
  if (step.check) refuseUnknown(type.arguments, step, values);
  await openEntities(deps, { specs: type.arguments, step, values, secretArguments, secretValues });
  Object.assign(values, await freshValues(deps, type.arguments, roots));
  const server = roots.server && step.target === 'server' ? await connectionOf(deps, roots.server) : undefined;
  if (server?.sshKey) secretValues.push(server.sshKey);
  const cluster = await clusterOf(deps, step, roots, type);
  if (cluster) secretValues.push(...kubeconfigSecrets(cluster.kubeconfig));
  const { templates, patches, whose } = await overridesOf(deps.db, step, roots);
  const repository = type.serves ? servedRepository(type.serves, values) : null;
  const run: Run = {
    taskId: step.taskId,
    attemptId: attempt.id,
    operationId: operation.id,
    attempt: attempt.number,
    untold: await listUntoldAttempts(deps.db, { task: step.taskId, before: attempt.number }),
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
    ...(cluster ? { cluster } : {}),
    arguments: values,
    secretArguments,
    context: {
      operation: operation.id,
      task: step.taskId,
      attempt: attempt.number,
      subject: operation.subject,
      fields: await customFields(deps, roots, secretValues),
      overrides: whose,
    },
    feedback: { url: `${deps.apiUrl}/api/feedback/${step.taskId}`, token },
    ...(repository ? { repository } : {}),
    ...(type.archive ? { archive: type.archive } : {}),
    templates,
    patches,
    checkMode: step.check === 'dry_run',
    ...(step.state ? { state: { ...step.state, organisation: operation.organisation } } : {}),
    ...(step.destroys ? { destroys: true } : {}),
    ...(step.undoes ? { undoes: step.undoes } : {}),
  };
  return { run, changes: type.changes, secretValues };
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

/** Of what compares: a step before it, of whose outputs it needs one, could not be compared. */
function refuseUnknown(specs: Argument[], { inputs }: RunnableStep, values: Record<string, unknown>): void {
  const unknown = specs.filter(
    ({ name, required }) => required && inputs[name]?.from === 'output' && values[name] === undefined,
  );
  if (unknown.length === 0) return;
  const names = unknown.map(({ name, label }) => label ?? name).join(', ');
  throw new AppError('invalid', `It needs what another step could not find out (${names}).`);
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
  roots: Partial<Record<EntityKind, Root>>,
): Promise<Record<string, unknown>> {
  const fresh = specs.filter(spec => spec.fresh);
  if (fresh.length === 0) return {};
  const full: Record<string, Root> = Object.fromEntries(
    Object.entries(roots).map(([kind, root]) => [kind, { ...root }]),
  );
  for (const path of new Set(fresh.map(({ from = [] }) => from[0] ?? ''))) {
    const [kind = '', name = ''] = path.split('.');
    if (full[kind] && derived[path]) full[kind][name] = await derived[path](deps, full[kind]);
  }
  return Object.fromEntries(fresh.map(({ name, from = [] }) => [name, readPath(full, from[0] ?? '') ?? null]));
}

/** What an entity has no column for, by path. */
const derived: Record<string, (deps: ActivityDependencies, root: Root) => Promise<unknown>> = {
  'server.inventory': ({ db }, { id }) => inventoryOf(db, id),
  'server.cron_sites': async ({ db, dispatch }, { id }) => {
    const types = [...(await dispatch.catalogue.current()).applicationTypes.values()];
    const withCron = types.filter(({ verbs }) => Object.hasOwn(verbs, 'cron')).map(({ name }) => name);
    return listCronSites(db, id, withCron);
  },
  'environment.retention': ({ db }, environment) => retentionForTask(db, environment),
};

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
