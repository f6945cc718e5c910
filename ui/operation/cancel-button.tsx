// Cancels a run, after asking what is to become of the steps that are done. One that only waits is cancelled without a question.

import { createSignal, createUniqueId, For, Show } from 'solid-js';
import type { OperationView } from '../../api/contract.ts';
import { type CancelChoice, cancelChoices } from '../../model/attention.ts';
import { call } from '../api/client.ts';
import { useMay } from '../app/session.tsx';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';
import { ErrorNotice } from '../parts/notice.tsx';

const words: Record<CancelChoice, { title: string; effect: string }> = {
  ask: { title: 'Stop and ask me', effect: 'You decide when it has stopped. Its locks are kept until then.' },
  undo: { title: 'Stop and undo', effect: 'What is done is taken back, the last step first. Backups are kept.' },
  leave: { title: 'Stop and leave', effect: 'The steps already done stay done. It can be resumed later.' },
};

function cancel(id: string, choice: CancelChoice): Promise<unknown> {
  return call(`/operations/${id}/cancel?choice=${choice}`, { method: 'POST', body: {} });
}

/** A nested one is cancelled with the one that it is part of; an undo is carried to its end. */
export function canBeCancelled({ parent, state, cancelRequestedBy }: OperationView): boolean {
  return parent === null && cancelRequestedBy === '' && (state === 'running' || state === 'needs_attention');
}

export function CancelButton(props: { operation: OperationView }) {
  const may = useMay();
  const name = createUniqueId();
  const [open, setOpen] = createSignal(false);
  const [choice, setChoice] = createSignal<CancelChoice>('ask');
  return (
    <Show when={may('run') && canBeCancelled(props.operation)}>
      <button type="button" class="button button-danger" onClick={() => setOpen(true)}>
        Cancel
      </button>
      <ConfirmDialog
        open={open()}
        title={`Cancel “${props.operation.title}”?`}
        verb="Cancel the Operation"
        keep="Let it run"
        close={() => setOpen(false)}
        run={() => cancel(props.operation.id, choice())}
      >
        <p>The step under way is stopped, here and on its Server.</p>
        <fieldset class="options">
          <legend>What becomes of the steps that are done?</legend>
          <For each={cancelChoices}>
            {one => (
              <label class="option">
                <input type="radio" name={name} checked={one === choice()} onChange={() => setChoice(one)} />
                <span>
                  <strong>{words[one].title}</strong>
                  <span class="option-effect">{words[one].effect}</span>
                </span>
              </label>
            )}
          </For>
        </fieldset>
      </ConfirmDialog>
    </Show>
  );
}

export function CancelQueued(props: { operation: OperationView }) {
  const may = useMay();
  const [error, setError] = createSignal<unknown>(null);
  const [busy, setBusy] = createSignal(false);
  const run = async () => {
    setBusy(true);
    setError(null);
    // Nothing is asked: what it has not begun need not be undone.
    await cancel(props.operation.id, 'leave').catch(setError);
    setBusy(false);
  };
  return (
    <Show when={may('run') && props.operation.cancelRequestedBy === ''}>
      <button type="button" class="button button-danger" disabled={busy()} onClick={run}>
        Cancel
      </button>
      <Show when={error()}>
        <ErrorNotice error={error()} />
      </Show>
    </Show>
  );
}
