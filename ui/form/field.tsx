// One field, made from its spec alone: label, the input that suits its type, help, and all messages about it.

import { createUniqueId, For, type JSX, Match, Show, Switch } from 'solid-js';
import type { FieldSpec } from '../../model/fields.ts';
import { ChoiceInput, MultiChoiceInput } from './choice-input.tsx';
import type { Draft, Drafts } from './drafts.ts';
import { isSecretDraft } from './drafts.ts';
import { type FieldProps, fieldLabel, type InputProps } from './field-props.ts';
import { ListInput } from './list-input.tsx';
import { OptionsInput } from './options-input.tsx';
import { messagesFor } from './problems.ts';
import { ReferenceInput } from './reference-input.tsx';
import { SecretInput } from './secret-input.tsx';
import { TextInput } from './text-input.tsx';

export function Field(props: FieldProps) {
  const id = createUniqueId();
  const messages = () => messagesFor(props.problems, props.path, props.spec);
  const describedBy = () => {
    const ids = [props.spec.help ? `${id}-help` : '', messages().length > 0 ? `${id}-messages` : ''].filter(Boolean);
    return ids.length > 0 ? ids.join(' ') : undefined;
  };
  const input = (): InputProps => ({
    id,
    spec: props.spec,
    label: fieldLabel(props.spec),
    describedBy: describedBy(),
    invalid: messages().length > 0,
  });
  return (
    <FieldFrame {...props} id={id} messages={messages()}>
      <FieldInput {...props} input={input()} />
    </FieldFrame>
  );
}

function isGroup(spec: FieldSpec): boolean {
  return !spec.secret && (spec.type === 'list' || (spec.type === 'dict' && spec.options !== undefined));
}

function FieldFrame(props: FieldProps & { id: string; messages: string[]; children: JSX.Element }) {
  const notes = () => (
    <>
      <Show when={props.spec.help}>
        <p class="help" id={`${props.id}-help`}>
          {props.spec.help}
        </p>
      </Show>
      <Show when={props.messages.length > 0}>
        <ul class="messages" id={`${props.id}-messages`}>
          <For each={props.messages}>{message => <li>{message}</li>}</For>
        </ul>
      </Show>
    </>
  );
  return (
    <Switch
      fallback={
        <div class="field" classList={{ 'field-bad': props.messages.length > 0 }}>
          <label for={props.id}>
            {fieldLabel(props.spec)} <Needed spec={props.spec} />
          </label>
          {props.children}
          {notes()}
        </div>
      }
    >
      <Match when={isGroup(props.spec)}>
        <fieldset class="field field-group" classList={{ 'field-bad': props.messages.length > 0 }}>
          <legend>
            {fieldLabel(props.spec)} <Needed spec={props.spec} />
          </legend>
          {props.children}
          {notes()}
        </fieldset>
      </Match>
      <Match when={props.spec.type === 'bool' && !props.spec.choices}>
        <div class="field" classList={{ 'field-bad': props.messages.length > 0 }}>
          <div class="check">
            {props.children}
            <label for={props.id}>{fieldLabel(props.spec)}</label>
          </div>
          {notes()}
        </div>
      </Match>
    </Switch>
  );
}

function Needed(props: { spec: FieldSpec }) {
  return (
    <Show when={!props.spec.required}>
      <span class="optional">optional</span>
    </Show>
  );
}

function FieldInput(props: FieldProps & { input: InputProps }) {
  const text = () => (typeof props.draft === 'string' ? props.draft : '');
  return (
    <Switch fallback={<TextInput {...props.input} value={text()} onChange={props.onChange} />}>
      <Match when={isSecretDraft(props.draft) && props.draft}>
        {draft => <SecretInput {...props.input} draft={draft()} onChange={props.onChange} />}
      </Match>
      <Match when={props.spec.type === 'list' && props.spec.choices}>
        <MultiChoiceInput {...props.input} drafts={listOf(props.draft)} onChange={props.onChange} />
      </Match>
      <Match when={props.spec.type === 'list'}>
        <ListInput Field={Field} {...props} {...props.input} drafts={listOf(props.draft)} />
      </Match>
      <Match when={props.spec.choices}>
        <ChoiceInput {...props.input} value={text()} onChange={props.onChange} />
      </Match>
      <Match when={props.spec.type === 'bool'}>
        <input
          id={props.input.id}
          type="checkbox"
          checked={props.draft === true}
          aria-describedby={props.input.describedBy}
          aria-invalid={props.input.invalid}
          onChange={event => props.onChange(event.currentTarget.checked)}
        />
      </Match>
      <Match when={props.spec.to}>
        {kind => <ReferenceInput {...props.input} kind={kind()} value={text()} onChange={props.onChange} />}
      </Match>
      <Match when={props.spec.type === 'dict' && props.spec.options}>
        {options => <OptionsInput Field={Field} {...props} options={options()} drafts={namedOf(props.draft)} />}
      </Match>
    </Switch>
  );
}

function listOf(draft: Draft): Draft[] {
  return Array.isArray(draft) ? draft : [];
}

function namedOf(draft: Draft): Drafts {
  return typeof draft === 'object' && !Array.isArray(draft) && !isSecretDraft(draft) ? draft : {};
}
