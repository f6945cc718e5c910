// How many differences an Environment or a Server has, and how old that is.

import { Show } from 'solid-js';
import type { DriftCount } from '../../model/drift.ts';
import { differencesWords } from '../../model/drift.ts';
import { When } from '../parts/when.tsx';

/** Nothing where nothing counts. */
export function DriftBadge(props: { drift: DriftCount }) {
  return (
    <Show when={props.drift.open > 0}>
      <span class="badge tone-warn" data-drift={props.drift.open}>
        <span class="badge-mark" aria-hidden="true" />
        {differencesWords(props.drift.open)}
      </span>
    </Show>
  );
}

export function DriftSummary(props: { drift: DriftCount }) {
  return (
    <span class="drift-summary">
      <DriftBadge drift={props.drift} />
      <span class="faint small">
        <Show when={props.drift.accepted > 0}>{props.drift.accepted} accepted, </Show>
        <Show when={props.drift.notCompared > 0}>{props.drift.notCompared} not compared, </Show>
        <Show when={props.drift.checkedAt} fallback="never checked">
          {at => (
            <>
              checked <When at={at()} />
            </>
          )}
        </Show>
      </span>
    </span>
  );
}
