// A dict whose keys are known: its options as fields of their own.

import { Index } from 'solid-js';
import type { Problem } from '../../model/errors.ts';
import type { FieldSpec } from '../../model/fields.ts';
import type { Draft, Drafts } from './drafts.ts';
import type { NestingProps } from './field-props.ts';

interface OptionsProps extends NestingProps {
  options: FieldSpec[];
  path: string;
  drafts: Drafts;
  problems: Problem[];
  onChange: (drafts: Drafts) => void;
}

export function OptionsInput(props: OptionsProps) {
  const set = (name: string, draft: Draft) => props.onChange({ ...props.drafts, [name]: draft });
  return (
    <Index each={props.options}>
      {spec => (
        <props.Field
          spec={spec()}
          path={`${props.path}.${spec().name}`}
          draft={props.drafts[spec().name] ?? ''}
          problems={props.problems}
          onChange={draft => set(spec().name, draft)}
        />
      )}
    </Index>
  );
}
