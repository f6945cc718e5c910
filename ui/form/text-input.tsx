// Text and numbers; long text, JSON and keys in several lines.

import { Show } from 'solid-js';
import type { FieldFormat, FieldSpec } from '../../model/fields.ts';
import type { InputProps } from './field-props.ts';

interface TextProps extends InputProps {
  value: string;
  onChange: (text: string) => void;
}

export function isLong(spec: FieldSpec): boolean {
  return spec.format === 'text' || ['dict', 'json', 'jsonarg', 'raw'].includes(spec.type);
}

const examples: Partial<Record<FieldFormat, string>> = {
  host_name: 'www.example.org',
  host_pattern: 'www.example.org',
  address: 'web1.example.org',
  git_url: 'https://git.example.org/site.git',
  git_ref: 'main',
  absolute_path: '/var/lib/…',
};

export function TextInput(props: TextProps) {
  const isNumber = () => props.spec.type === 'int' || props.spec.type === 'float';
  return (
    <Show
      when={isLong(props.spec)}
      fallback={
        <input
          id={props.id}
          class="input"
          classList={{ 'input-number': isNumber() }}
          type="text"
          inputmode={isNumber() ? 'decimal' : 'text'}
          autocomplete="off"
          spellcheck={false}
          placeholder={props.spec.format ? (examples[props.spec.format] ?? '') : ''}
          value={props.value}
          aria-required={props.spec.required ?? false}
          aria-invalid={props.invalid}
          aria-describedby={props.describedBy}
          onInput={event => props.onChange(event.currentTarget.value)}
        />
      }
    >
      <textarea
        id={props.id}
        class="input input-long"
        rows={props.spec.type === 'dict' ? 5 : 4}
        spellcheck={false}
        placeholder={props.spec.type === 'dict' ? '{}' : ''}
        value={props.value}
        aria-required={props.spec.required ?? false}
        aria-invalid={props.invalid}
        aria-describedby={props.describedBy}
        onInput={event => props.onChange(event.currentTarget.value)}
      />
    </Show>
  );
}
