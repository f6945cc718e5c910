// The names of an Environment with their certificates, as the last Operation found them.

import { For, Show } from 'solid-js';
import type { EntityView } from '../../api/contract.ts';
import { nameStatesOf } from '../../model/certificates.ts';
import { Panel } from '../parts/page.tsx';

export function Certificates(props: { entity: EntityView }) {
  const names = () => nameStatesOf(props.entity.values);
  return (
    <Show when={names().length > 0}>
      <Panel title="Certificates">
        <dl class="facts">
          <For each={names()}>
            {entry => (
              <div class="fact">
                <dt>{entry.name}</dt>
                <dd class={entry.isValid ? '' : 'faint'}>
                  {entry.isValid ? '' : 'none: '}
                  {entry.words}
                </dd>
              </div>
            )}
          </For>
        </dl>
        <p class="faint small path">
          As “Get certificates” has found them; names without one are served by plain HTTP.
        </p>
      </Panel>
    </Show>
  );
}
