// Which approval rules hold for an Operation, its steps and a Rollout, and what a plan has kept of them.

import { roles } from './access.ts';
import type { ApprovalRule, PlannedApproval } from './approval.ts';
import type { OperationType } from './operation-type.ts';
import { readPath } from './paths.ts';
import type { Plan, PlanStep } from './plan.ts';
import type { PathRoots } from './step-values.ts';
import type { ResolvedStep } from './walk-steps.ts';

export interface Touched {
  type: Pick<OperationType, 'name' | 'dangerous' | 'check' | 'action'>;
  roots: PathRoots;
}

/** Of both sides where there are two. A comparison changes nothing, and an Action is over at once. */
function holds(rule: ApprovalRule, { type, roots }: Touched): boolean {
  if (type.check || type.action) return false;
  const isOfType = rule.operationTypes.length === 0 ? type.dangerous : rule.operationTypes.includes(type.name);
  if (!isOfType) return false;
  const environments = [roots.environment, roots.target].filter(root => root !== undefined);
  if (rule.environmentKind && !environments.some(({ kind }) => kind === rule.environmentKind)) return false;
  const projects = [
    roots.project?.id,
    ...environments.map(root => readPath({ environment: root }, 'environment.project.id')),
  ];
  return !rule.project || projects.includes(rule.project);
}

/** The strictest of all. null: none holds. */
function together(rules: ApprovalRule[], requester: string): PlannedApproval | null {
  if (rules.length === 0) return null;
  return {
    rules: [...new Set(rules.map(({ name }) => name))],
    role: roles.filter(role => rules.some(rule => rule.role === role)).at(-1) ?? 'operator',
    fourEyes: rules.some(({ fourEyes }) => fourEyes),
    expiresHours: Math.min(...rules.map(({ expiresHours }) => expiresHours)),
    requester,
  };
}

/** Before it begins: also for what its nested Operations would ask, so that it is asked once. */
export function approvalOf(
  rules: ApprovalRule[],
  touched: Touched,
  steps: ResolvedStep[],
  requester: string,
): PlannedApproval | null {
  return approvalOfAll(rules, [touched, ...nestedOf(steps)], requester);
}

export function approvalOfAll(rules: ApprovalRule[], all: Touched[], requester: string): PlannedApproval | null {
  const found = rules.filter(rule => !rule.step && all.some(each => holds(rule, each)));
  return together(found, requester);
}

/** The Operations within. */
export function nestedOf(steps: ResolvedStep[]): Touched[] {
  return steps.flatMap(step => {
    if (step.kind === 'parallel') return nestedOf(step.steps);
    return step.kind === 'operation' ? [{ type: step.type, roots: step.scope.roots }, ...nestedOf(step.steps)] : [];
  });
}

export function approvalOfStep(
  rules: ApprovalRule[],
  touched: Touched,
  step: string,
  requester: string,
): PlannedApproval | null {
  const found = rules.filter(rule => rule.step === step && holds(rule, touched));
  return together(found, requester);
}

/** Somewhere in it. */
export function asksForApproval(plan: Plan): boolean {
  return plan.approval !== undefined || approvalsIn(plan.steps).length > 0;
}

function approvalsIn(steps: PlanStep[]): PlannedApproval[] {
  return steps.flatMap(step => [...(step.approval ? [step.approval] : []), ...approvalsIn(stepsIn(step))]);
}

function stepsIn(step: PlanStep): PlanStep[] {
  if (step.kind === 'task') return [];
  return step.kind === 'parallel' ? step.steps : step.plan.steps;
}

/** The same plan, wanted by another person. */
export function askedBy(plan: Plan, requester: string): Plan {
  const approval = plan.approval && { approval: { ...plan.approval, requester, given: false } };
  return { ...plan, ...approval, steps: plan.steps.map(step => stepAskedBy(step, requester)) };
}

function stepAskedBy(step: PlanStep, requester: string): PlanStep {
  const approval = step.approval && { approval: { ...step.approval, requester } };
  if (step.kind === 'task') return { ...step, ...approval };
  if (step.kind === 'operation') return { ...step, ...approval, plan: askedBy(step.plan, requester) };
  return { ...step, ...approval, steps: step.steps.map(inner => stepAskedBy(inner, requester)) };
}
