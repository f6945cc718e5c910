// One difference: what it is about, since when, who has accepted it, its diff.

import { createSignal, Show } from 'solid-js';
import type { DifferenceView } from '../../api/drift-contract.ts';
import { call } from '../api/client.ts';
import { queryClient } from '../api/queries.ts';
import { useMay } from '../app/session.tsx';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';
import { Fold } from '../parts/fold.tsx';
import { When } from '../parts/when.tsx';
import { Diff } from './diff.tsx';

interface DifferenceProps {
  difference: DifferenceView;
}

const isAccepted = ({ acceptance }: DifferenceView) => acceptance !== null && !acceptance.counts;

export function Difference(props: DifferenceProps) {
  const may = useMay();
  const what = () => props.difference.resource || props.difference.task;
  return (
    <Fold
      title={
        <>
          <code>{what()}</code>{' '}
          <span class="faint small">
            {props.difference.title}, since <When at={props.difference.firstSeen} />
            <Show when={isAccepted(props.difference)}>, accepted</Show>
          </span>
        </>
      }
    >
      <p class="small">
        {props.difference.task}
        <Show when={props.difference.changedAt !== props.difference.firstSeen}>
          ; like this since <When at={props.difference.changedAt} />
        </Show>
      </p>
      <Acceptance difference={props.difference} />
      <Show when={props.difference.text} fallback={<p class="faint">The tool says no more about it.</p>}>
        <Diff text={props.difference.text} leftOut={props.difference.leftOut} label={`Differences of ${what()}`} />
      </Show>
      <Show when={may('edit')}>
        <div class="form-actions">
          <Accept difference={props.difference} what={what()} />
          <Show when={props.difference.acceptance}>
            <button type="button" class="button" onClick={() => void takeBack(props.difference)}>
              Take the acceptance back
            </button>
          </Show>
        </div>
      </Show>
    </Fold>
  );
}

function Acceptance(props: DifferenceProps) {
  return (
    <Show when={props.difference.acceptance}>
      {acceptance => (
        <p class="small">
          <Show when={acceptance().counts}>It counts again: it has become another one since it was accepted. </Show>
          Accepted by {acceptance().by}, <When at={acceptance().at} />: “{acceptance().reason}”
        </p>
      )}
    </Show>
  );
}

function Accept(props: DifferenceProps & { what: string }) {
  const [open, setOpen] = createSignal(false);
  const [reason, setReason] = createSignal('');
  const path = () => `/differences/${props.difference.id}/acceptance`;
  const run = async () => {
    const { content } = props.difference;
    await call(path(), { method: 'PUT', body: { content, reason: reason() } }).finally(refresh);
  };
  return (
    <Show when={!isAccepted(props.difference)}>
      <button type="button" class="button" onClick={() => setOpen(true)}>
        Accept
      </button>
      <ConfirmDialog
        open={open()}
        title={`Accept the difference of ${props.what}?`}
        verb="Accept"
        keep="Cancel"
        harmless
        disabled={reason().trim() === ''}
        close={() => setOpen(false)}
        run={run}
      >
        <p>It does not count any more until it becomes another one. “Apply again” would still take it away.</p>
        <div class="field">
          <label for={`reason-${props.difference.id}`}>Why it is to stay</label>
          <input
            id={`reason-${props.difference.id}`}
            class="input"
            type="text"
            autocomplete="off"
            maxlength="2000"
            value={reason()}
            onInput={event => setReason(event.currentTarget.value)}
          />
        </div>
      </ConfirmDialog>
    </Show>
  );
}

async function takeBack(difference: DifferenceView): Promise<void> {
  await call(`/differences/${difference.id}/acceptance`, { method: 'DELETE' }).finally(refresh);
}

/** Also after a refusal: it has changed then. */
async function refresh(): Promise<void> {
  await Promise.all(['drift', 'entity', 'entities'].map(key => queryClient.invalidateQueries({ queryKey: [key] })));
}
