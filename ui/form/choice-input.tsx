// One of several, and some of several.

import { For, Show } from 'solid-js';
import { choiceKey, type Draft } from './drafts.ts';
import type { InputProps } from './field-props.ts';

export function ChoiceInput(props: InputProps & { value: string; onChange: (key: string) => void }) {
  const isEmptyOffered = () => !props.spec.required || props.value === '';
  return (
    <select
      id={props.id}
      class="input"
      aria-required={props.spec.required ?? false}
      aria-invalid={props.invalid}
      aria-describedby={props.describedBy}
      onChange={event => props.onChange(event.currentTarget.value)}
    >
      <Show when={isEmptyOffered()}>
        <option value="" selected={props.value === ''}>
          {props.spec.required ? 'Choose …' : '–'}
        </option>
      </Show>
      <For each={props.spec.choices}>
        {choice => (
          <option value={choiceKey(choice)} selected={choiceKey(choice) === props.value}>
            {String(choice)}
          </option>
        )}
      </For>
    </select>
  );
}

export function MultiChoiceInput(props: InputProps & { drafts: Draft[]; onChange: (drafts: Draft[]) => void }) {
  const isChosen = (choice: unknown) => props.drafts.includes(choiceKey(choice));
  const toggle = (choice: unknown, on: boolean) => {
    const chosen = (props.spec.choices ?? []).filter(one => (one === choice ? on : isChosen(one)));
    props.onChange(chosen.map(choiceKey));
  };
  return (
    <div class="checks">
      <For each={props.spec.choices}>
        {(choice, index) => (
          <div class="check">
            <input
              id={`${props.id}-${index()}`}
              type="checkbox"
              checked={isChosen(choice)}
              onChange={event => toggle(choice, event.currentTarget.checked)}
            />
            <label for={`${props.id}-${index()}`}>{String(choice)}</label>
          </div>
        )}
      </For>
    </div>
  );
}
