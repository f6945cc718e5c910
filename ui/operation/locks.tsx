// The locks of an Operation, and how an administrator takes one away from it.

import { A } from '@solidjs/router';
import { createSignal, For, Show } from 'solid-js';
import type { ClaimView, OperationView } from '../../api/contract.ts';
import { call } from '../api/client.ts';
import { useDefinitions, useMay } from '../app/session.tsx';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';
import { Fold } from '../parts/fold.tsx';
import { Duration } from '../parts/when.tsx';
import { counted } from '../text/words.ts';

export function LockedEntity(props: { claim: ClaimView }) {
  const definitions = useDefinitions();
  const definition = () => definitions()[props.claim.kind];
  return (
    <>
      {definition().title}{' '}
      <A href={`/${definition().plural}/${props.claim.id}`}>{props.claim.name || props.claim.id}</A>
    </>
  );
}

export function HeldLocks(props: { operation: OperationView }) {
  const may = useMay();
  const held = () => props.operation.claims.filter(({ position }) => position === 0);
  return (
    <Show when={held().length > 0}>
      <Fold title={`Holds ${counted(held().length, 'lock')}`}>
        <ul class="locks small">
          <For each={held()}>
            {claim => (
              <li>
                <span>
                  <LockedEntity claim={claim} />,{' '}
                  {claim.mode === 'exclusive' ? 'for itself alone' : 'shared with others'}, for{' '}
                  <Duration from={claim.since} to={null} live />
                </span>
                <Show when={may('administer')}>
                  <TakeLock holder={claim} />
                </Show>
              </li>
            )}
          </For>
        </ul>
      </Fold>
    </Show>
  );
}

export function TakeLock(props: { holder: ClaimView }) {
  const definitions = useDefinitions();
  const [open, setOpen] = createSignal(false);
  const entity = () => `${definitions()[props.holder.kind].title} ${props.holder.name}`;
  const run = () =>
    call(`/locks/${props.holder.kind}/${props.holder.id}/${props.holder.operation}`, { method: 'DELETE' });
  return (
    <>
      <button type="button" class="button" onClick={() => setOpen(true)}>
        Take the lock away from {props.holder.title}
      </button>
      <ConfirmDialog
        open={open()}
        title={`Take the lock on ${entity()} away from “${props.holder.title}”?`}
        verb="Take it away"
        keep="Leave it"
        close={() => setOpen(false)}
        run={run}
      >
        <p>
          The next in line begins at once, and ends in the middle what “{props.holder.title}” still does with the{' '}
          {entity()}, which needs attention then.
        </p>
        <p>Cancel that Operation instead, if it still answers. This is for one that hangs.</p>
      </ConfirmDialog>
    </>
  );
}
