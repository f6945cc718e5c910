// Cancels a run, after asking.

import { createSignal, Show } from 'solid-js';
import type { OperationView } from '../../api/contract.ts';
import { isOver } from '../../model/run.ts';
import { call } from '../api/client.ts';
import { useMay } from '../app/session.tsx';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';

export function CancelButton(props: { operation: OperationView }) {
  const may = useMay();
  const [open, setOpen] = createSignal(false);
  return (
    <Show when={may('run') && !isOver(props.operation.state)}>
      <button type="button" class="button button-danger" onClick={() => setOpen(true)}>
        Cancel
      </button>
      <ConfirmDialog
        open={open()}
        title={`Cancel “${props.operation.title}”?`}
        verb="Cancel the Operation"
        close={() => setOpen(false)}
        run={() => call(`/operations/${props.operation.id}/cancel`, { method: 'POST', body: {} })}
      >
        <p>The step under way is stopped, here and on its Server. The steps already done stay done.</p>
      </ConfirmDialog>
    </Show>
  );
}
