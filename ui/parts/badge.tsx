// A state: its word, with a colour and a mark beside it (colour alone tells nothing to many people).

import { inWords, toneOf } from '../text/words.ts';

export function StateBadge(props: { state: string }) {
  return (
    <span class={`badge tone-${toneOf(props.state)}`} data-state={props.state}>
      <span class="badge-mark" aria-hidden="true" />
      {inWords(props.state)}
    </span>
  );
}
