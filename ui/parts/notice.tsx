// A text that stands out: information, a warning, or what went wrong.

import type { JSX } from 'solid-js';
import { For, Show } from 'solid-js';
import { ApiError } from '../api/client.ts';

export function Notice(props: { tone: 'info' | 'warn' | 'bad' | 'good'; title?: string; children?: JSX.Element }) {
  return (
    <div class={`notice notice-${props.tone}`} role={props.tone === 'bad' ? 'alert' : 'status'}>
      <Show when={props.title}>
        <strong>{props.title}</strong>
      </Show>
      <div>{props.children}</div>
    </div>
  );
}

export function ErrorNotice(props: { error: unknown; retry?: () => void }) {
  const requestId = () => (props.error instanceof ApiError ? props.error.requestId : '');
  const problems = () => (props.error instanceof ApiError ? props.error.problems : []);
  return (
    <Notice tone="bad">
      <p>{props.error instanceof Error ? props.error.message : String(props.error)}</p>
      <Show when={problems().length > 0}>
        <ul class="plain-list">
          <For each={problems()}>{problem => <li>{problem.message}</li>}</For>
        </ul>
      </Show>
      <Show when={requestId()}>
        <p class="faint small">Request {requestId()}</p>
      </Show>
      <Show when={props.retry}>
        {retry => (
          <button type="button" class="button button-small" onClick={() => retry()()}>
            Try again
          </button>
        )}
      </Show>
    </Notice>
  );
}
