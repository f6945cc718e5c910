// The fields of a form, in their order, and above them what fits to none.

import { For, Index, Show } from 'solid-js';
import type { Problem } from '../../model/errors.ts';
import type { FieldSpec } from '../../model/fields.ts';
import { Notice } from '../parts/notice.tsx';
import { inWords } from '../text/words.ts';
import type { Draft, Drafts } from './drafts.ts';
import { Field } from './field.tsx';

interface FormFieldsProps {
  specs: FieldSpec[];
  drafts: Drafts;
  problems: Problem[];
  onChange: (name: string, draft: Draft) => void;
  /** Before each name in the paths of problems. */
  prefix?: string;
}

export function FormFields(props: FormFieldsProps) {
  return (
    <Index each={props.specs}>
      {spec => (
        <Field
          spec={spec()}
          path={`${props.prefix ?? ''}${spec().name}`}
          draft={props.drafts[spec().name] ?? ''}
          problems={props.problems}
          onChange={draft => props.onChange(spec().name, draft)}
        />
      )}
    </Index>
  );
}

export function ProblemSummary(props: { text: string; problems: Problem[] }) {
  return (
    <Show when={props.text || props.problems.length > 0}>
      <Notice tone="bad" title={props.text}>
        <Show when={props.problems.length > 0}>
          <ul class="plain-list">
            <For each={props.problems}>
              {problem => <li>{problem.path ? `${inWords(problem.path)}: ${problem.message}` : problem.message}</li>}
            </For>
          </ul>
        </Show>
      </Notice>
    </Show>
  );
}
