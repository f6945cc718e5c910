// Entries of a list: one input each, with buttons that add and remove.

import { Index, Show } from 'solid-js';
import type { Problem } from '../../model/errors.ts';
import type { FieldSpec } from '../../model/fields.ts';
import { type Draft, draftOf, elementSpec } from './drafts.ts';
import type { InputProps, NestingProps } from './field-props.ts';
import { ReferenceInput } from './reference-input.tsx';
import { TextInput } from './text-input.tsx';

interface ListProps extends InputProps, NestingProps {
  path: string;
  problems: Problem[];
  drafts: Draft[];
  onChange: (drafts: Draft[]) => void;
}

export function ListInput(props: ListProps) {
  const set = (index: number, draft: Draft) =>
    props.onChange(props.drafts.map((one, at) => (at === index ? draft : one)));
  const remove = (index: number) => props.onChange(props.drafts.filter((_, at) => at !== index));
  const add = () => props.onChange([...props.drafts, draftOf(elementSpec(props.spec), undefined)]);
  return (
    <div class="list-input">
      <Index each={props.drafts}>
        {(draft, index) => (
          <div class="list-entry">
            <Element {...props} index={index} draft={draft()} onChange={next => set(index, next)} />
            <button
              type="button"
              class="button button-small"
              aria-label={`Remove entry ${index + 1}`}
              onClick={() => remove(index)}
            >
              Remove
            </button>
          </div>
        )}
      </Index>
      <button type="button" class="button button-small" onClick={add}>
        Add<span class="hidden"> to {props.label}</span>
      </button>
    </div>
  );
}

type ElementProps = Omit<ListProps, 'onChange'> & { index: number; draft: Draft; onChange: (draft: Draft) => void };

function Element(props: ElementProps) {
  const spec = (): FieldSpec => elementSpec(props.spec);
  const isPlain = () => !spec().options && typeof props.draft === 'string';
  const text = () => (typeof props.draft === 'string' ? props.draft : '');
  const input = (): InputProps => ({
    id: `${props.id}-${props.index}`,
    spec: spec(),
    label: `${props.label} ${props.index + 1}`,
    describedBy: props.describedBy,
    invalid: props.invalid,
  });
  return (
    <Show
      when={isPlain()}
      fallback={
        <props.Field
          spec={{ ...spec(), label: `${props.label} ${props.index + 1}` }}
          path={`${props.path}.${props.index}`}
          draft={props.draft}
          problems={props.problems}
          onChange={props.onChange}
        />
      }
    >
      <label class="hidden" for={input().id}>
        {input().label}
      </label>
      <Show when={spec().to} fallback={<TextInput {...input()} value={text()} onChange={props.onChange} />}>
        {kind => <ReferenceInput {...input()} kind={kind()} value={text()} onChange={props.onChange} />}
      </Show>
    </Show>
  );
}
