// The variables of a run as JSON that Ansible never interprets: every string is marked as unsafe, at any depth.

import type { FieldSpec } from '../../../model/fields.ts';
import type { Run } from '../backend.ts';

export type RunValues = Pick<Run, 'arguments' | 'context' | 'secretArguments'> & {
  taskType: { arguments: FieldSpec[] };
};

export interface FeedbackValues {
  url: string;
  token: string;
}

export function renderVars(run: RunValues, feedback: FeedbackValues): string {
  return toJson(variables(run.arguments, run.context, feedback));
}

/** The same without secrets, to be kept and shown. */
export function renderKeptVars(run: RunValues, feedback: FeedbackValues): string {
  const values = hideSecrets(run.arguments, run.taskType.arguments, run.secretArguments);
  return toJson(variables(values, run.context, { url: feedback.url, token: placeholder('feedback_token') }));
}

function variables(
  values: Record<string, unknown>,
  context: Record<string, unknown>,
  feedback: FeedbackValues,
): Record<string, unknown> {
  const aegir = { ...context, feedback_url: feedback.url, feedback_token: feedback.token };
  return { ...values, aegir };
}

/** Strings become `{"__ansible_unsafe": …}`; keys are not interpreted by Ansible. */
export function markUnsafe(value: unknown): unknown {
  if (typeof value === 'string') return { __ansible_unsafe: value };
  if (Array.isArray(value)) return value.map(markUnsafe);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, markUnsafe(inner)]));
  }
  return value;
}

function toJson(value: unknown): string {
  return `${JSON.stringify(markUnsafe(value), null, 2)}\n`;
}

export function placeholder(name: string): string {
  return `<secret: ${name}>`;
}

export function hideSecrets(
  values: Record<string, unknown>,
  specs: FieldSpec[],
  secretNames: string[] = [],
): Record<string, unknown> {
  const hide = (name: string, value: unknown): unknown => {
    const spec = specs.find(field => field.name === name);
    if (value === null || value === undefined) return value;
    if (secretNames.includes(name) || spec?.secret) return placeholder(name);
    const options = spec?.options;
    if (!options) return value;
    if (Array.isArray(value)) return value.map(inner => hideInside(inner, options));
    return hideInside(value, options);
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, hide(name, value)]));
}

function hideInside(value: unknown, options: FieldSpec[]): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return hideSecrets(value as Record<string, unknown>, options);
}
