// Beginning a Rollout: what it would be about, what is wrong with it, its frozen list; and its undo, which is one as well.

import { approvalWords, type PlannedApproval } from '../model/approval.ts';
import { approvalOfAll, nestedOf, type Touched } from '../model/approval-rules.ts';
import type { Catalogue } from '../model/catalogue.ts';
import { checkSelection } from '../model/check-selection.ts';
import { invalid, type Problem } from '../model/errors.ts';
import type { FormGroup } from '../model/form.ts';
import type { OperationType } from '../model/operation-type.ts';
import { checkSettings, planWaves, type RolloutSettings, rolloutFields, settingsOf } from '../model/rollout.ts';
import { schedulableTypes } from '../model/schedulable.ts';
import type { SelectableKind, Selection } from '../model/selection.ts';
import { selectionFields } from '../model/selection.ts';
import { listApprovalRules } from '../model/store/approval-rules.ts';
import { listFieldDefinitions } from '../model/store/field-definitions.ts';
import { insertRollout, type RolloutRow, type RolloutSubject } from '../model/store/rollouts.ts';
import { countSelected, listSelected, listSelectedSorts, type SelectionQuery } from '../model/store/selection.ts';
import { validateFields } from '../model/validate.ts';
import { actorOf, authorizeRole, type Principal } from './access.ts';
import type { DispatchDependencies } from './dependencies.ts';
import { findReferences } from './entity-input.ts';
import { prepareOperation } from './start-operation.ts';

/** What one Rollout takes: more than anybody has, few enough for one transaction. */
const mostItems = 50_000;
/** What a form shows of each wave. */
const shownOfWave = 20;

export interface RolloutPreview {
  count: number;
  /** Selected, but in a state in which it is not offered. */
  unfit: number;
  /** Of each wave how many it has, and the first few. */
  waves: { count: number; subjects: { id: string; name: string }[] }[];
  /** What the Operation asks for, as far as its first subject tells. */
  groups: FormGroup[];
  /** Who has to approve it before its first wave, in words; '' = nobody. */
  approval: string;
  problems: Problem[];
}

interface Prepared {
  type: OperationType | undefined;
  values: Record<string, unknown>;
  settings: RolloutSettings;
  selection: Selection;
  subjects: RolloutSubject[];
  unfit: number;
  groups: FormGroup[];
  /** By whom it has to be approved before its first wave; null: by nobody. */
  approval: PlannedApproval | null;
  problems: Problem[];
}

/** The fields with what only the catalogue knows. */
export function rolloutFieldsOf(catalogue: Catalogue) {
  const types = schedulableTypes(catalogue);
  const choices: Record<string, string[]> = {
    operation_type: types.map(({ name }) => name),
    gate_check: types.map(({ name }) => name),
  };
  return rolloutFields.map(field => {
    const known = choices[field.name];
    return known ? { ...field, choices: known } : field;
  });
}

/** @param without ids that were taken off the list. */
async function prepare(
  deps: DispatchDependencies,
  principal: Principal,
  given: Record<string, unknown>,
  without: string[],
): Promise<Prepared> {
  const catalogue = await deps.catalogue.current();
  const specs = rolloutFieldsOf(catalogue);
  const { values, problems } = validateFields(specs, given);
  await findReferences(deps, principal, { specs, values, path: '' }, problems);
  const settings = settingsOf(values);
  problems.push(...checkSettings({ ...settings, waves: settings.waves ?? [] }));
  const type = schedulableTypes(catalogue).find(({ name }) => name === values.operation_type);
  const check = catalogue.operationTypes.get(settings.gate.check ?? '');
  if (type && check && check.on !== type.on)
    problems.push({
      path: 'gate_check',
      message: `“${check.title}” is of another kind of subject than “${type.title}”.`,
    });
  const selection = Object.fromEntries(selectionFields.map(({ name }) => [name, values[name] ?? null])) as Selection;
  const found = type ? await findSubjects(deps, principal, { type, selection, without, problems }) : none;
  const [first] = found.subjects;
  const { query, ...chosen } = found;
  const about = first && { values, subject: first, problems };
  const asked = type && about ? await askedOf(deps, principal, type, { ...about, field: 'input' }) : null;
  if (check && about && check.on === type?.on)
    await askedOf(deps, principal, check, { ...about, field: 'gate_check_input' });
  const types = type ? [type, ...(asked?.nested ?? [])] : [];
  const approval = query ? await approvalOfTypes(deps, principal, { types, query }) : null;
  return { type, values, settings, selection, ...chosen, groups: asked?.groups ?? [], approval, problems };
}

const none: { subjects: RolloutSubject[]; unfit: number; query: SelectionQuery | null } = {
  ...{ subjects: [], unfit: 0 },
  query: null,
};

async function findSubjects(
  deps: DispatchDependencies,
  principal: Principal,
  asked: { type: OperationType; selection: Selection; without: string[]; problems: Problem[] },
) {
  const { type, selection, without, problems } = asked;
  const kind = type.on as SelectableKind;
  const custom = (await listFieldDefinitions(deps.db, kind)).filter(({ secret }) => !secret).map(({ name }) => name);
  const wrong = checkSelection(kind, selection, custom);
  problems.push(...wrong);
  if (wrong.length > 0 || problems.some(({ path }) => path in selection)) return none;
  const query: SelectionQuery = { organisation: principal.organisation.id, kind, selection, states: type.when };
  const listed = await listSelected(deps.db, query, mostItems + 1);
  if (listed.length > mostItems) problems.push({ path: '', message: `These are more than ${mostItems}: narrow them.` });
  const subjects = listed.filter(({ id }) => !without.includes(id));
  if (subjects.length === 0) problems.push({ path: '', message: 'Nothing fits: there is nothing to be done.' });
  const unfit = (await countSelected(deps.db, { ...query, states: [] })) - listed.length;
  return { subjects, unfit, query };
}

/** What the form of the Operation, or of the check, asks of the first subject, and what is wrong with the answers. */
async function askedOf(
  deps: DispatchDependencies,
  principal: Principal,
  type: OperationType,
  given: {
    values: Record<string, unknown>;
    field: 'input' | 'gate_check_input';
    subject: RolloutSubject;
    problems: Problem[];
  },
): Promise<{ groups: FormGroup[]; nested: Touched['type'][] }> {
  const { values, field, subject, problems } = given;
  const input = { ...(values[field] as Record<string, unknown> | undefined) };
  const request = { kind: type.on, id: subject.id, type: type.name, input };
  const prepared = await prepareOperation(deps, principal, request);
  problems.push(...prepared.problems.map(({ path, message }) => ({ path: `${field}.${path}`, message })));
  const { groups } = prepared.form;
  const secrets = groups.flatMap(({ fields }) => fields).filter(({ secret, name }) => secret && input[name] != null);
  for (const { name, label = name } of secrets)
    problems.push({ path: `${field}.${name}`, message: `“${label}” is a secret: it is not taken here.` });
  return { groups, nested: nestedOf(prepared.steps).map(each => each.type) };
}

/** What rules say of these types on any of the selected. */
async function approvalOfTypes(
  deps: DispatchDependencies,
  principal: Principal,
  { types, query }: { types: Touched['type'][]; query: SelectionQuery },
): Promise<PlannedApproval | null> {
  const rules = await listApprovalRules(deps.db, principal.organisation.id);
  if (rules.length === 0) return null;
  const sorts = await listSelectedSorts(deps.db, query);
  const touched = sorts.flatMap(({ environmentKind, project }) => {
    const root = { id: '', name: '', state: '' };
    const roots = {
      ...(environmentKind ? { environment: { ...root, kind: environmentKind } } : {}),
      ...(project ? { project: { ...root, id: project } } : {}),
    };
    return types.map(type => ({ type, roots }));
  });
  return approvalOfAll(rules, touched, principal.email);
}

export async function previewRollout(
  deps: DispatchDependencies,
  principal: Principal,
  { values, without }: { values: Record<string, unknown>; without: string[] },
): Promise<RolloutPreview> {
  const { subjects, unfit, settings, groups, approval, problems } = await prepare(deps, principal, values, without);
  const planned = problems.some(({ path }) => path.startsWith('waves'))
    ? []
    : planWaves(subjects.length, settings.waves);
  const waves: RolloutPreview['waves'] = [];
  for (const [index, wave] of planned.entries()) {
    waves[wave] ??= { count: 0, subjects: [] };
    const { count, subjects: shown } = waves[wave];
    const subject = subjects[index];
    if (subject && count < shownOfWave) shown.push({ id: subject.id, name: subject.name });
    waves[wave].count += 1;
  }
  return { count: subjects.length, unfit, waves, groups, approval: approval ? approvalWords(approval) : '', problems };
}

export interface RolloutRequest {
  values: Record<string, unknown>;
  without: string[];
  idempotencyKey: string | null;
}

function pending(approval: PlannedApproval): NonNullable<RolloutSettings['approval']> {
  const expiresAt = new Date(Date.now() + approval.expiresHours * 3_600_000).toISOString();
  return { ...approval, approvedBy: null, expiresAt };
}

/** The list is frozen from here on: it can only shrink. */
export async function createRollout(
  deps: DispatchDependencies,
  principal: Principal,
  { values: given, without, idempotencyKey }: RolloutRequest,
): Promise<RolloutRow> {
  const prepared = await prepare(deps, principal, given, without);
  const { type, values, settings: wanted, selection, subjects, approval, problems } = prepared;
  if (!type || problems.length > 0) throw invalid(problems, 'This Rollout cannot be started.');
  authorizeRole(principal, type.minimumRole);
  const settings = { ...wanted, ...(approval ? { approval: pending(approval) } : {}) };
  const rollout = {
    operationType: type.name,
    title: type.title,
    subjectKind: type.on as SelectableKind,
    input: (values.input ?? {}) as Record<string, unknown>,
    ...{ selection, settings, role: principal.role, reason: String(values.reason ?? '') },
    ...{ undoes: null, idempotencyKey },
  };
  return (await insertRollout(deps.db, actorOf(principal), rollout, subjects)).row;
}

/** Takes back what a Rollout has done so far, in its order from the end: one of the type that takes its type back. */
export async function createUndo(
  deps: DispatchDependencies,
  principal: Principal,
  row: RolloutRow,
  done: RolloutSubject[],
): Promise<RolloutRow> {
  const { operationTypes } = await deps.catalogue.current();
  const type = operationTypes.get(operationTypes.get(row.operationType)?.takenBackBy ?? '');
  const problem = !type
    ? `“${row.title}” has no Operation type that takes it back.`
    : done.length === 0
      ? 'It has done nothing so far that could be taken back.'
      : '';
  if (!type || problem) throw invalid([{ path: '', message: problem }], 'It cannot be undone.');
  authorizeRole(principal, type.minimumRole);
  const settings: RolloutSettings = {
    ...row.settings,
    waves: ['rest'],
    // Whoever undoes wants all of it back; what fails is listed.
    budget: '100%',
    gate: { minutes: 0, check: null, approval: false },
  };
  const rollout = {
    operationType: type.name,
    title: type.title,
    subjectKind: row.subjectKind,
    ...{ input: {}, selection: row.selection, settings, role: principal.role },
    reason: `Takes back the Rollout ${row.id}`,
    undoes: row.id,
    idempotencyKey: `undo of ${row.id} after ${done.length}`,
  };
  return (await insertRollout(deps.db, actorOf(principal), rollout, [...done].reverse())).row;
}
