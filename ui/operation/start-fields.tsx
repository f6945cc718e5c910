// The questions before a run: fields grouped by the Task type that needs them, the reason, and the confirmation.

import { A } from '@solidjs/router';
import { createUniqueId, For, Show } from 'solid-js';
import type { FormView } from '../../api/contract.ts';
import type { Problem } from '../../model/errors.ts';
import { useDefinitions } from '../app/session.tsx';
import type { Draft, Drafts } from '../form/drafts.ts';
import { FormFields } from '../form/form-fields.tsx';
import { TypedName } from '../parts/confirm-dialog.tsx';
import { Notice } from '../parts/notice.tsx';
import { Panel } from '../parts/page.tsx';

interface StartFieldsProps {
  view: FormView;
  drafts: Drafts;
  problems: Problem[];
  onChange: (name: string, draft: Draft) => void;
}

export function StartFields(props: StartFieldsProps) {
  const groups = () => props.view.groups.filter(group => group.fields.length > 0);
  return (
    <>
      <Given given={props.view.given} />
      <Show when={groups().length > 0} fallback={<p class="faint">Nothing has to be entered: every value is known.</p>}>
        <For each={groups()}>
          {group => (
            <Panel title={group.title}>
              <FormFields
                specs={group.fields}
                drafts={props.drafts}
                problems={props.problems}
                onChange={props.onChange}
              />
            </Panel>
          )}
        </For>
      </Show>
    </>
  );
}

function Given(props: { given: FormView['given'] }) {
  const definitions = useDefinitions();
  return (
    <Show when={props.given.length > 0}>
      <Panel title="Chosen already">
        <dl class="facts">
          <For each={props.given}>
            {({ label, kind, id, name }) => (
              <div class="fact">
                <dt>{label}</dt>
                <dd>
                  <A href={`/${definitions()[kind].plural}/${id}`}>{name}</A>
                </dd>
              </div>
            )}
          </For>
        </dl>
      </Panel>
    </Show>
  );
}

interface QuestionsProps {
  view: FormView;
  name: string;
  setReason: (text: string) => void;
  typed: string;
  setTyped: (text: string) => void;
}

export function StartQuestions(props: QuestionsProps) {
  const id = createUniqueId();
  return (
    <>
      <Show when={props.view.confirm}>
        <Notice tone="warn">{props.view.confirm}</Notice>
      </Show>
      <Show when={props.view.approval}>
        <Notice tone="info">{props.view.approval}</Notice>
      </Show>
      <Show when={props.view.action === null}>
        <div class="field">
          <label for={`${id}-reason`}>
            Reason <span class="optional">optional</span>
          </label>
          <input
            id={`${id}-reason`}
            class="input"
            type="text"
            autocomplete="off"
            aria-describedby={`${id}-help`}
            onInput={event => props.setReason(event.currentTarget.value)}
          />
          <p class="help" id={`${id}-help`}>
            Others see it in the list of Operations.
          </p>
        </div>
      </Show>
      <Show when={props.view.dangerous}>
        <TypedName id={`${id}-typed`} name={props.name} value={props.typed} onInput={props.setTyped} />
      </Show>
    </>
  );
}
