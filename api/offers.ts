// What can be done with an entity now and why not, and what a start still asks.

import type { Principal } from '../dispatch/access.ts';
import { type OperationRequest, prepareOperation } from '../dispatch/start-operation.ts';
import { approvalWords } from '../model/approval.ts';
import { approvalOf } from '../model/approval-rules.ts';
import { dryRunRefusal } from '../model/dry-run.ts';
import type { EntityKind } from '../model/entities.ts';
import type { Form } from '../model/form.ts';
import { refusalOf } from '../model/offers.ts';
import type { OperationType } from '../model/operation-type.ts';
import { listApprovalRules } from '../model/store/approval-rules.ts';
import { loadRoots } from '../model/store/roots.ts';
import type { ResolvedStep, ResolvedTask } from '../model/walk-steps.ts';
import type { ActionOffer, FormView, OperationTypeOffer } from './contract.ts';
import type { ApiDependencies } from './dependencies.ts';

export async function offersOf(
  deps: ApiDependencies,
  principal: Principal,
  kind: EntityKind,
  id: string,
): Promise<OperationTypeOffer[]> {
  const catalogue = await deps.catalogue.current();
  const roots = await loadRoots(deps.db, kind, id);
  const types = [...catalogue.operationTypes.values()].filter(type => type.on === kind);
  return Promise.all(
    types.map(async type => {
      const reason = refusalOf(catalogue, type, roots, principal.role);
      const { name, title, description, dangerous } = type;
      const enabled = reason === '';
      const request = { kind, id, type: name, input: {} };
      const asked = type.action && enabled ? await prepareOperation(deps, principal, request, catalogue) : null;
      return { name, title, description, dangerous, enabled, reason, action: actionOffer(type, asked?.form) };
    }),
  );
}

function actionOffer(type: OperationType, form: Form | undefined): ActionOffer | null {
  if (!type.action) return null;
  const fields = form?.groups.flatMap(group => group.fields) ?? [];
  const mustAnswer = fields.some(field => field.required && field.default === undefined);
  const mustAsk = mustAnswer || type.dangerous || type.confirm !== undefined;
  return { opens: type.opens ?? null, asks: mustAsk ? 'required' : fields.length > 0 ? 'optional' : 'nothing' };
}

export async function formOf(
  deps: ApiDependencies,
  principal: Principal,
  request: OperationRequest,
): Promise<FormView> {
  const { type, form, steps, refusal, roots } = await prepareOperation(deps, principal, request);
  const rules = type.action ? [] : await listApprovalRules(deps.db, principal.organisation.id);
  const approval = approvalOf(rules, { type, roots }, steps, principal.email);
  return {
    type: type.name,
    title: type.title,
    confirm: type.confirm ?? null,
    dangerous: type.dangerous,
    action: actionOffer(type, form),
    groups: form.groups,
    given: type.fields.flatMap(({ name, label = name, to, ask }) => {
      const root = to === name && ask === false ? roots[to] : undefined;
      return to && root ? [{ label, kind: to, id: root.id, name: root.name }] : [];
    }),
    steps: shownSteps(steps, 0),
    hasDryRun: dryRunRefusal(type) === '',
    approval: approval ? approvalWords(approval) : '',
    problems: [...(refusal ? [{ path: '', message: refusal }] : []), ...form.problems],
  };
}

function placeOf({ chosen, scope: { roots } }: ResolvedTask): string {
  if (chosen.target === 'server') return roots.server?.name ?? 'the chosen Server';
  return chosen.target === 'cluster' ? (roots.cluster?.name ?? 'the chosen Cluster') : 'worker';
}

function shownSteps(steps: ResolvedStep[], depth: number): FormView['steps'] {
  return steps.flatMap(step => {
    if (step.kind === 'parallel') return shownSteps(step.steps, depth);
    const title = step.step.title ?? step.type.title;
    if (step.kind === 'operation')
      return [{ id: step.step.id, title, depth, target: '' }, ...shownSteps(step.steps, depth + 1)];
    return [{ id: step.step.id, title, depth, target: placeOf(step) }];
  });
}
