// What differs of an Environment or a Server from what Aegir would make there: each difference with its diff, to be put right
// or accepted.

import { A } from '@solidjs/router';
import { For, Show } from 'solid-js';
import type { EntityView } from '../../api/contract.ts';
import type { DriftView } from '../../api/drift-contract.ts';
import { useDrift } from '../api/queries.ts';
import type { FullDefinition } from '../app/session.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Notice } from '../parts/notice.tsx';
import { Panel } from '../parts/page.tsx';
import { Difference } from './difference.tsx';
import { DriftSummary } from './drift-badge.tsx';

export function DriftPanel(props: { definition: FullDefinition; entity: EntityView }) {
  const base = () => `/${props.definition.plural}/${props.entity.id}/run`;
  const answer = useDrift(
    () => props.definition.plural,
    () => props.entity.id,
  );
  return (
    <Panel title="Drift" aside={<Show when={props.entity.drift}>{drift => <DriftSummary drift={drift()} />}</Show>}>
      <Loaded answer={answer}>{drift => <Drift drift={drift()} base={base()} />}</Loaded>
    </Panel>
  );
}

function Drift(props: { drift: DriftView; base: string }) {
  return (
    <>
      <NothingFound drift={props.drift} />
      <NotCompared drift={props.drift} />
      <div class="differences">
        <For each={props.drift.differences}>{difference => <Difference difference={difference} />}</For>
      </div>
      <div class="form-actions">
        <Show when={props.drift.open > 0 && props.drift.putRightBy}>
          {right => (
            <A class="button button-primary" href={`${props.base}/${right().type}`} title={`Runs “${right().title}”`}>
              Apply again
            </A>
          )}
        </Show>
        <Show when={props.drift.checkedBy}>
          <A class="button" href={`${props.base}/${props.drift.checkedBy}`}>
            Compare {props.drift.checkedAt ? 'again' : 'now'}
          </A>
        </Show>
        <Show when={props.drift.operation}>
          <A href={`/operations/${props.drift.operation}`}>The last comparison</A>
        </Show>
      </div>
    </>
  );
}

function NothingFound(props: { drift: DriftView }) {
  return (
    <Show when={props.drift.differences.length === 0}>
      <p class="faint">
        <Show
          when={props.drift.checkedAt}
          fallback="It was never compared with what Aegir would make there. “Compare now” does so and changes nothing."
        >
          Everything that was compared is as Aegir would make it.
        </Show>
      </p>
    </Show>
  );
}

function NotCompared(props: { drift: DriftView }) {
  return (
    <Show when={props.drift.parts.length > 0}>
      <Notice tone="info" title="Not everything could be compared">
        <ul>
          <For each={props.drift.parts}>
            {part => (
              <li>
                {part.title}: {part.reason}
              </li>
            )}
          </For>
        </ul>
      </Notice>
    </Show>
  );
}
