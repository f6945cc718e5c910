// What git servers have reported to a Project, and what came of it.

import { A } from '@solidjs/router';
import { For, Show } from 'solid-js';
import type { EntityView } from '../../api/contract.ts';
import type { PushView } from '../../api/contract-pushes.ts';
import { usePushes } from '../api/queries.ts';
import { StateBadge } from '../parts/badge.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { ShowMore } from '../parts/more.tsx';
import { Panel } from '../parts/page.tsx';
import { When } from '../parts/when.tsx';
import { shortHash } from '../text/words.ts';

export function Pushes(props: { entity: EntityView }) {
  const answer = usePushes(() => props.entity.id);
  return (
    <Panel title="Git webhook">
      <Loaded answer={answer}>
        {data => {
          const items = () => data().pages.flatMap(page => page.items);
          return (
            <>
              <Show when={items().length > 0} fallback={<p class="faint">None has come yet.</p>}>
                <PushTable items={items()} />
                <ShowMore answer={answer} />
              </Show>
              <p class="faint small path">
                The git server reports pushes to <code class="path">{data().pages[0]?.url}</code>, as JSON, with the
                Project’s webhook secret. They update the Environments that follow the branch.
              </p>
            </>
          );
        }}
      </Loaded>
    </Panel>
  );
}

function PushTable(props: { items: PushView[] }) {
  return (
    <div class="table-frame">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Push</th>
            <th scope="col">State</th>
            <th scope="col">Operations</th>
            <th scope="col">When</th>
          </tr>
        </thead>
        <tbody>
          <For each={props.items}>
            {push => (
              <tr>
                <td class="cell-main">
                  <Show when={push.branch} fallback={push.event || 'Not read'}>
                    {push.branch} <code title={push.commit}>{shortHash(push.commit)}</code>
                  </Show>
                  <Show when={push.pusher}>
                    {' '}
                    <span class="faint small">by {push.pusher}</span>
                  </Show>
                  <Show when={push.message}>
                    <p class="row-message">{push.message}</p>
                  </Show>
                </td>
                <td data-label="State">
                  <StateBadge state={push.state} />
                  <Show when={push.count > 1}>
                    <p class="faint small">came {push.count} times</p>
                  </Show>
                </td>
                <td data-label="Operations">
                  <Show when={push.operations.length > 0} fallback={<span class="faint">none</span>}>
                    <ul class="plain-list">
                      <For each={push.operations}>
                        {(id, index) => (
                          <li>
                            <A href={`/operations/${id}`}>{index() === 0 ? 'Look at the branch' : id.slice(-6)}</A>
                          </li>
                        )}
                      </For>
                    </ul>
                  </Show>
                </td>
                <td data-label="When">
                  <When at={push.receivedAt} />
                </td>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </div>
  );
}
