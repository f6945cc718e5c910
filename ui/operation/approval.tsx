// What somebody looks at who is to approve an Operation, and the words that go with the answer.

import { A } from '@solidjs/router';
import { For, Show } from 'solid-js';
import type { AttentionView } from '../../api/contract.ts';
import { approvalRefusal, type PlannedApproval } from '../../model/approval.ts';
import { entities } from '../../model/entities.ts';
import type { FieldSpec } from '../../model/fields.ts';
import { useSession } from '../app/session.tsx';

/** Why the one who is signed in may not decide; '' = may. */
export function useApprovalRefusal(): (approval: PlannedApproval | undefined) => string {
  const session = useSession();
  return approval => (approval ? approvalRefusal(approval, { email: session().user.email, role: session().role }) : '');
}

export function ApprovalFacts(props: { attention: AttentionView }) {
  return (
    <Show when={props.attention.approval}>
      {approval => (
        <dl class="facts">
          <div class="fact">
            <dt>Asked for by</dt>
            <dd>{approval().requester}</dd>
          </div>
          <div class="fact">
            <dt>Works on</dt>
            <dd>
              <ul class="plain-list">
                <For each={props.attention.touches}>
                  {({ kind, id, name }) => (
                    <li>
                      {entities[kind].title} <A href={`/${entities[kind].plural}/${id}`}>{name}</A>
                    </li>
                  )}
                </For>
              </ul>
            </dd>
          </div>
        </dl>
      )}
    </Show>
  );
}

/** For the field of ui/form: the same frame and the same way to show mistakes. */
export const reasonField: FieldSpec = { name: 'reason', type: 'str', label: 'Why', help: 'Needed to reject it.' };
