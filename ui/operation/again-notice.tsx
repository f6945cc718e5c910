// Above the form of an Operation that is run again: where its values come from, and what has changed in the types since.

import { A } from '@solidjs/router';
import { For, Show } from 'solid-js';
import type { AgainView } from '../../api/contract.ts';
import { isSecretReference } from '../../model/fields.ts';
import { type Drafts, isSecretDraft } from '../form/drafts.ts';
import { Notice } from '../parts/notice.tsx';
import { inWords } from '../text/words.ts';

interface AgainNoticeProps {
  again: AgainView;
  /** Id of the earlier run. */
  operation: string;
  /** Names of the fields that the form asks now. */
  known: string[];
}

export function AgainNotice(props: AgainNoticeProps) {
  const gone = () => Object.keys(props.again.input).filter(name => !props.known.includes(name));
  const hasChanges = () => props.again.changes.length > 0 || gone().length > 0;
  return (
    <Notice tone={hasChanges() ? 'warn' : 'info'}>
      <p>
        The fields are filled in as in <A href={`/operations/${props.operation}`}>the earlier run</A>. This is a new
        Operation: all of its steps run.
      </p>
      <Show when={hasChanges()}>
        <p>What has changed since:</p>
        <ul class="plain-list">
          <For each={props.again.changes}>{change => <li>{change}</li>}</For>
          <Show when={gone().length > 0}>
            <li>Not asked any more: {gone().map(inWords).join(', ')}.</li>
          </Show>
        </ul>
      </Show>
    </Notice>
  );
}

/** Secrets that were entered then and are kept: a new start takes the reference. */
export function keptSecrets(drafts: Drafts, former: Record<string, unknown>): Record<string, unknown> {
  const isKept = (name: string) => {
    const draft = drafts[name];
    return isSecretDraft(draft) && draft.secret === 'keep';
  };
  return Object.fromEntries(Object.entries(former).filter(([name, value]) => isKept(name) && isSecretReference(value)));
}
