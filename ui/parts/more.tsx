// "Show more" below a list that comes in pages.

import { Show } from 'solid-js';

interface Paged {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

export function ShowMore(props: { answer: Paged }) {
  return (
    <Show when={props.answer.hasNextPage}>
      <button
        type="button"
        class="button"
        disabled={props.answer.isFetchingNextPage}
        onClick={() => props.answer.fetchNextPage()}
      >
        {props.answer.isFetchingNextPage ? 'Loading …' : 'Show more'}
      </button>
    </Show>
  );
}
