// Fields of failed Tasks as a person changes them before another attempt: only what differs from what each has now is sent.

import { createStore } from 'solid-js/store';
import type { FailedTaskView } from '../../api/contract.ts';
import type { Problem } from '../../model/errors.ts';
import { type Draft, type Drafts, draftOf, onlyChanges, parseDrafts } from '../form/drafts.ts';

/** By Task, as the API takes them. */
export type ChangedInputs = Record<string, Record<string, unknown>>;

export interface FieldChanges {
  draftsOf(task: FailedTaskView): Drafts;
  change(task: string, name: string, draft: Draft): void;
  /** Paths of problems are `<task>.<field>`, as those of the API. */
  read(tasks: FailedTaskView[]): { inputs: ChangedInputs; problems: Problem[] };
}

export function createFieldChanges(): FieldChanges {
  const [touched, setTouched] = createStore<Record<string, Drafts>>({});
  return {
    draftsOf: ({ id, fields }) =>
      Object.fromEntries(fields.map(spec => [spec.name, touched[id]?.[spec.name] ?? draftOf(spec, spec.default)])),
    // A draft replaces the one before it: a store would merge their keys.
    change: (task, name, draft) => setTouched({ [task]: { ...touched[task], [name]: draft } }),
    read: tasks => readChanges(tasks, touched),
  };
}

export function readChanges(
  tasks: FailedTaskView[],
  touched: Record<string, Drafts>,
): { inputs: ChangedInputs; problems: Problem[] } {
  const inputs: ChangedInputs = {};
  const problems: Problem[] = [];
  for (const { id, fields } of tasks) {
    const drafts = touched[id] ?? {};
    const specs = fields.filter(({ name }) => name in drafts);
    const parsed = parseDrafts(specs, drafts, {}, `${id}.`);
    problems.push(...parsed.problems);
    const changed = onlyChanges(parsed.values, Object.fromEntries(specs.map(spec => [spec.name, spec.default])));
    if (Object.keys(changed).length > 0) inputs[id] = changed;
  }
  return { inputs, problems };
}
