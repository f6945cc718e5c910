// A secret is never shown: one sees whether it is set, and replaces or removes it.

import { Match, Show, Switch } from 'solid-js';
import type { SecretDraft } from './drafts.ts';
import type { InputProps } from './field-props.ts';

interface SecretProps extends InputProps {
  draft: SecretDraft;
  onChange: (draft: SecretDraft) => void;
}

export function SecretInput(props: SecretProps) {
  const change = (changes: Partial<SecretDraft>) => props.onChange({ ...props.draft, ...changes });
  return (
    <div class="secret">
      <Switch>
        <Match when={props.draft.secret === 'replace'}>
          <SecretText {...props} onText={text => change({ text })} />
        </Match>
        <Match when={props.draft.secret === 'keep'}>
          <span class="secret-state">Set; its value is never shown.</span>
        </Match>
        <Match when={props.draft.secret === 'remove'}>
          <span class="secret-state">Will be removed.</span>
        </Match>
      </Switch>
      <Show when={props.draft.isSet}>
        <span class="secret-actions">
          <Show
            when={props.draft.secret === 'keep'}
            fallback={
              <button type="button" class="button button-small" onClick={() => change({ secret: 'keep', text: '' })}>
                Keep as it is
              </button>
            }
          >
            <button
              type="button"
              class="button button-small"
              id={props.id}
              onClick={() => change({ secret: 'replace' })}
            >
              Replace
            </button>
            <button type="button" class="button button-small" onClick={() => change({ secret: 'remove' })}>
              Remove
            </button>
          </Show>
        </span>
      </Show>
    </div>
  );
}

function SecretText(props: SecretProps & { onText: (text: string) => void }) {
  return (
    <Show
      when={props.spec.format === 'text'}
      fallback={
        <input
          id={props.id}
          class="input"
          type="password"
          autocomplete="new-password"
          value={props.draft.text}
          aria-invalid={props.invalid}
          aria-describedby={props.describedBy}
          onInput={event => props.onText(event.currentTarget.value)}
        />
      }
    >
      <textarea
        id={props.id}
        class="input input-long"
        rows={5}
        spellcheck={false}
        autocomplete="off"
        value={props.draft.text}
        aria-invalid={props.invalid}
        aria-describedby={props.describedBy}
        onInput={event => props.onText(event.currentTarget.value)}
      />
    </Show>
  );
}
