// Starting an Operation: validate, freeze the plan, write the row, start the workflow. The form shows the same checks.

import { ulid } from 'ulid';
import type { Catalogue } from '../model/catalogue.ts';
import { type Changed, changedValues, withChanged } from '../model/changed-fields.ts';
import { dryRunOf } from '../model/dry-run.ts';
import { type EntityKind, entities, entityKinds } from '../model/entities.ts';
import { AppError, invalid, type Problem } from '../model/errors.ts';
import { type Form, makeForm, missingValues } from '../model/form.ts';
import { checkTaskValues, makePlan } from '../model/make-plan.ts';
import { refusalOf, unconfirmed } from '../model/offers.ts';
import { addedFields, failedChecks } from '../model/operation-checks.ts';
import type { OperationType } from '../model/operation-type.ts';
import type { FailurePolicy, Plan } from '../model/plan.ts';
import { unfit, withPresets } from '../model/preset-fields.ts';
import type { PathRoots, Scope } from '../model/step-values.ts';
import { listApprovalRules } from '../model/store/approval-rules.ts';
import { findEntity } from '../model/store/entities.ts';
import { findStarted, insertOperation, type OperationRow, setEngineRun } from '../model/store/operations.ts';
import { loadRemembered, loadRoot, loadRoots, type Root, type Roots } from '../model/store/roots.ts';
import { validateFields } from '../model/validate.ts';
import {
  notComparedTasks,
  type ResolvedStep,
  resolvedTasks,
  resolveSteps,
  withoutUnknown,
} from '../model/walk-steps.ts';
import { actorOf, authorizeRole, type Principal } from './access.ts';
import { addEnvironment, within } from './add-environment.ts';
import { findMisfits } from './changed-subject.ts';
import type { DispatchDependencies } from './dependencies.ts';
import { findReferences } from './entity-input.ts';
import { type RelatedRoots, relatedRoots, standIns } from './related-roots.ts';

export interface OperationRequest {
  kind: EntityKind;
  id: string;
  type: string;
  input: Record<string, unknown>;
  priority?: number;
  /** What it would change is looked at, and nothing is done. */
  dryRun?: boolean;
  /** Approved with what it is a part of: it does not ask before it begins. */
  approved?: boolean;
  /** The Environment that it adds, when that is there. */
  added?: Root;
}

export interface PreparedOperation {
  type: OperationType;
  roots: Roots & Pick<RelatedRoots, 'target'>;
  steps: ResolvedStep[];
  form: Form;
  /** '' = may be started. */
  refusal: string;
  problems: Problem[];
  answers: Record<string, unknown>;
  /** What the subject becomes by these answers. */
  changed(answers: Record<string, unknown>): Changed | null;
  /** The steps for the plan, with answers whose secrets are put away: it holds their references. */
  resolve(answers: Record<string, unknown>): ResolvedStep[];
}

/** Everything about a start that changes nothing. @param current the catalogue, where it has just been read. */
export async function prepareOperation(
  deps: DispatchDependencies,
  principal: Principal,
  request: OperationRequest,
  current?: Catalogue,
): Promise<PreparedOperation> {
  const catalogue = current ?? (await deps.catalogue.current());
  const real = catalogue.operationTypes.get(request.type);
  if (!real || real.on !== request.kind) {
    const known = [...catalogue.operationTypes.values()]
      .filter(entry => entry.on === request.kind)
      .map(entry => entry.name);
    throw new AppError(
      'not_found',
      `There is no Operation type "${request.type}" for a ${entities[request.kind].title}. There are: ${known.join(', ')}.`,
    );
  }
  const found = request.dryRun ? dryRunOf(real) : real;
  const type = await fillFields(deps, found, request);
  const input = { ...request.input };
  const problems: Problem[] = [];
  const specs = [...type.fields, ...(type.adds ? addedFields(type.adds) : [])];
  await findReferences(deps, principal, { specs, values: input, path: '' }, problems);
  problems.push(...(await findUnfit(deps, type, input, principal)));
  const replaced = replacedRoots(type, input, problems);
  const roots = await loadRoots(deps.db, request.kind, request.id, replaced);
  const refusal = refusalOf(catalogue, found, roots, principal.role);
  const open = type.fields
    .filter(field => isRoot(field.name) && !replaced[field.name as EntityKind])
    .map(field => field.name);
  const sound = Object.fromEntries(
    Object.entries(input).filter(([name]) => !problems.some(({ path }) => path === name)),
  );
  const source = typeof sound.source === 'string' ? sound.source : null;
  const related = await relatedRoots(deps.db, { type, roots, source, added: request.added });
  const standing = await standIns(deps.db, type, roots, sound);
  const scope: Scope = {
    roots: withApplication(catalogue, { ...roots, ...standing, ...related }),
    given: {},
    answers: {},
    fields: type.fields,
    remembered: {},
    openRoots: new Set(open),
    within: [],
    // A dry run asks what the Operation asks.
    check: type.check === true && !request.dryRun,
  };
  const all = resolveSteps(catalogue, type.steps, scope);
  // Some can be compared only with what is remembered.
  const taskTypes = [...resolvedTasks(all), ...notComparedTasks(all)].map(task => task.type.name);
  // A throwaway is like the Environment that it is of.
  const whose = type.adds?.throwaway ? roots.environment?.id : undefined;
  scope.remembered = await loadRemembered(deps.db, taskTypes, whose ?? request.id);
  const { groups } = makeForm(type, resolveSteps(catalogue, type.steps, scope), scope);
  const answered = validateFields(
    groups.flatMap(group => group.fields),
    input,
  );
  problems.push(...answered.problems);
  const answers = answered.values;
  problems.push(...unconfirmed(type, roots[request.kind]?.state ?? '', answers));
  const changed = (given: Record<string, unknown>) => changedValues(type, roots, given);
  const seenWith = (given: Record<string, unknown>) => withChanged(scope.roots, type.on, changed(given));
  problems.push(...failedChecks(type, { ...seenWith(answers), ...related }, answers));
  problems.push(...(await findMisfits(deps, type, { id: request.id, roots, changed: changed(answers) })));
  const steps = resolveSteps(catalogue, type.steps, { ...scope, roots: seenWith(answers), answers });
  const form = { groups, problems: missingValues(steps, scope) };
  // What is started is not waiting for an answer any more.
  const settled = { ...scope, openRoots: new Set<string>() };
  const resolve = (given: Record<string, unknown>) => {
    const seen = { ...settled, roots: seenWith(given), answers: given };
    if (!request.dryRun) return resolveSteps(catalogue, type.steps, seen);
    return withoutUnknown(resolveSteps(catalogue, type.steps, { ...seen, check: true, asksInCheck: true }));
  };
  return {
    type,
    roots: { ...roots, ...(related.target && { target: related.target }) },
    steps,
    form,
    refusal,
    problems,
    answers,
    changed,
    resolve,
  };
}

/** The subject is read only where the type asks something of it. */
async function fillFields(deps: DispatchDependencies, type: OperationType, { kind, id }: OperationRequest) {
  const asksSubject = type.fields.some(({ from, among, except }) => from ?? among ?? except);
  return asksSubject ? withPresets(type, { [kind]: await loadRoot(deps.db, kind, id) }) : type;
}

async function findUnfit(
  deps: DispatchDependencies,
  { fields }: OperationType,
  input: Record<string, unknown>,
  { organisation }: Principal,
): Promise<Problem[]> {
  const ruled = fields.filter(({ among, except }) => among ?? except);
  const found = await Promise.all(
    ruled.map(async field => {
      const value = input[field.name];
      if (!field.to || typeof value !== 'string') return [];
      const chosen = await findEntity(deps.db, field.to, value, organisation.id).catch(() => null);
      const message = chosen ? unfit(field, chosen) : '';
      return message ? [{ path: field.name, message }] : [];
    }),
  );
  return found.flat();
}

function withApplication(catalogue: Catalogue, roots: PathRoots): PathRoots {
  const type = catalogue.applicationTypes.get(String(roots.project?.application ?? ''));
  return type ? { ...roots, application: { ...type.values, name: type.name, title: type.title } } : roots;
}

const isRoot = (name: string) => (entityKinds as readonly string[]).includes(name);

function replacedRoots(
  type: OperationType,
  input: Record<string, unknown>,
  problems: Problem[],
): Partial<Record<EntityKind, string>> {
  const replaced: Partial<Record<EntityKind, string>> = {};
  for (const field of type.fields) {
    const value = input[field.name] ?? field.default;
    const broken = problems.some(problem => problem.path === field.name);
    if (isRoot(field.name) && field.to === field.name && typeof value === 'string' && !broken)
      replaced[field.to] = value;
  }
  return replaced;
}

export interface StartRequest extends OperationRequest {
  reason: string;
  /** In the place of what its type says; null: it waits for a person. */
  onFailure?: FailurePolicy | null;
  idempotencyKey: string | null;
}

export async function startOperation(
  deps: DispatchDependencies,
  principal: Principal,
  request: StartRequest,
): Promise<OperationRow> {
  const adds = (await deps.catalogue.current()).operationTypes.get(request.type)?.adds;
  const { row, fresh, plan } =
    adds && !request.dryRun
      ? await writeWithAdded(deps, principal, request)
      : await writeOperation(deps, principal, request);
  if (fresh) await startRun(deps, row, plan);
  return row;
}

async function writeOperation(deps: DispatchDependencies, principal: Principal, request: StartRequest) {
  const { plan: frozen, answers } = await freezePlan(deps, principal, request, 'operation');
  const { reason, idempotencyKey, onFailure = frozen.onFailure } = request;
  const plan = { ...frozen, onFailure };
  const written = { plan, input: answers, reason, idempotencyKey };
  return { ...(await insertOperation(deps.db, actorOf(principal), written)), plan };
}

/** The Environment and the Operation are there together, or neither is. */
async function writeWithAdded(deps: DispatchDependencies, principal: Principal, request: StartRequest) {
  const started = await findStarted(deps.db, principal.organisation.id, request.idempotencyKey);
  if (started?.plan) return { row: started, fresh: false, plan: started.plan };
  const writing = deps.db.transaction(async tx => {
    const inside = within(deps, tx);
    const { type, roots, answers, refusal, problems, form } = await prepareOperation(inside, principal, request);
    const like = roots.environment?.id;
    // What is wrong already is said before anything is written.
    if (!type.adds || !like || refusal || problems.length + form.problems.length > 0)
      return writeOperation(inside, principal, request);
    const added = await addEnvironment(inside, principal, { adds: type.adds, like, roots, answers });
    return writeOperation(inside, principal, { ...request, added });
  });
  return writing.catch(async error => {
    // The same request has come twice at once: then the name was taken by its own Environment.
    const twin = await findStarted(deps.db, principal.organisation.id, request.idempotencyKey);
    if (twin?.plan) return { row: twin, fresh: false, plan: twin.plan };
    throw error;
  });
}

/** The row is the truth: when the engine is away now, the sweeper starts it as soon as it answers. */
export async function startRun(deps: DispatchDependencies, row: OperationRow, plan: Plan): Promise<void> {
  try {
    await setEngineRun(deps.db, row, await deps.engine.start(plan, row.attempt));
  } catch (error) {
    deps.log(`The Operation ${row.id} waits for the engine`, error);
  }
}

/** Everything is right, secrets are put away, and what will be done stands fast. */
export async function freezePlan(
  deps: DispatchDependencies,
  principal: Principal,
  request: OperationRequest,
  as: 'operation' | 'action',
): Promise<{ plan: Plan; answers: Record<string, unknown> }> {
  const prepared = await prepareOperation(deps, principal, request);
  const { type, roots, form } = prepared;
  authorizeRole(principal, type.minimumRole);
  if (type.action !== (as === 'action')) throw wrongWay(type);
  if (prepared.refusal) throw new AppError('conflict', prepared.refusal);
  const problems = [...prepared.problems, ...form.problems];
  if (problems.length === 0) problems.push(...checkTaskValues(prepared.steps));
  if (problems.length > 0) throw invalid(problems, `“${type.title}” cannot be started.`);

  const organisation = principal.organisation.id;
  const fields = form.groups.flatMap(group => group.fields);
  const answers = await deps.vault.putFields(deps.db, organisation, fields, prepared.answers);
  const steps = prepared.resolve(answers);
  const changed = prepared.changed(answers);
  const subject = { kind: request.kind, id: request.id, name: roots[request.kind]?.name ?? request.id };
  const priority = request.priority ?? 0;
  const plan = makePlan({
    type,
    subject,
    roots,
    steps,
    changed,
    organisation,
    startedBy: principal.email,
    priority,
    approvals: {
      rules: as === 'operation' ? await listApprovalRules(deps.db, organisation) : [],
      requester: principal.behind ?? principal.email,
      given: request.approved === true,
    },
    newId: ulid,
  });
  return { plan, answers };
}

function wrongWay({ title, action }: OperationType): AppError {
  const words = action
    ? `“${title}” is an Action, which answers at once: POST it to …/actions.`
    : `“${title}” is an Operation: POST it to …/operations.`;
  return new AppError('invalid', words);
}
