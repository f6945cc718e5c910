// The three faces of an answer: not yet there, failed, there. What is there stays while it is asked for again.

import { type Accessor, type JSX, Match, Show, Switch } from 'solid-js';
import { ApiError } from '../api/client.ts';
import { ErrorNotice } from './notice.tsx';

export interface Answer<T> {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
}

export function Loaded<T>(props: {
  answer: Answer<T>;
  missing?: JSX.Element;
  children: (data: Accessor<T>) => JSX.Element;
}) {
  const isMissing = () => props.answer.error instanceof ApiError && props.answer.error.status === 404;
  return (
    <Switch fallback={<Loading />}>
      <Match when={isMissing() && props.missing}>{missing => missing()}</Match>
      <Match when={props.answer.error && props.answer.data === undefined}>
        <ErrorNotice error={props.answer.error} retry={() => props.answer.refetch()} />
      </Match>
      <Match when={props.answer.data !== undefined}>
        <Show when={props.answer.error}>
          <ErrorNotice error={props.answer.error} retry={() => props.answer.refetch()} />
        </Show>
        {/* Checked just above: the data is there. */}
        {props.children(() => props.answer.data as T)}
      </Match>
    </Switch>
  );
}

/** Fades in late, so that quick answers do not flicker. */
export function Loading() {
  return (
    <p class="loading" role="status">
      Loading …
    </p>
  );
}
