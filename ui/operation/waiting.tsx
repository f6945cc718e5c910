// A queued Operation: for which locks it waits, at which place and behind whom. It can be cancelled there, before it has done anything.

import { A } from '@solidjs/router';
import { For, Show } from 'solid-js';
import type { ClaimView, OperationView } from '../../api/contract.ts';
import { ordinal } from '../../model/ordinal.ts';
import { useMay } from '../app/session.tsx';
import { Panel } from '../parts/page.tsx';
import { Duration } from '../parts/when.tsx';
import { CancelQueued } from './cancel-button.tsx';
import { LockedEntity, TakeLock } from './locks.tsx';

type Waiting = OperationView['claims'][number];

/** A line longer than this says nothing more. */
const mostNamed = 4;

export function WaitingPanel(props: { operation: OperationView }) {
  const may = useMay();
  const waiting = () => props.operation.claims.filter(({ position }) => position > 0);
  const holders = () => waiting().flatMap(({ behind }) => behind.filter(({ position }) => position === 0));
  return (
    <Panel title="Waiting">
      <Show when={waiting().length > 0} fallback={<p>Waits for the engine to begin it.</p>}>
        <For each={waiting()}>{claim => <WaitingFor claim={claim} />}</For>
      </Show>
      <p class="faint">It begins by itself when its turn comes. Nothing has been changed yet in this attempt.</p>
      <div class="form-actions">
        <CancelQueued operation={props.operation} />
        <Show when={may('administer')}>
          <For each={holders()}>{holder => <TakeLock holder={holder} />}</For>
        </Show>
      </div>
    </Panel>
  );
}

function WaitingFor(props: { claim: Waiting }) {
  const named = () => props.claim.behind.slice(0, mostNamed);
  const more = () => props.claim.behind.length - named().length;
  return (
    <p data-waits-for={props.claim.id}>
      Waits for the <LockedEntity claim={props.claim} />: {ordinal(props.claim.position)} in line
      <Show when={named().length > 0}>
        , behind <For each={named()}>{(other, index) => <Before other={other} isFirst={index() === 0} />}</For>
        <Show when={more() > 0}> and {more()} more</Show>
      </Show>
      .
    </p>
  );
}

function Before(props: { other: ClaimView; isFirst: boolean }) {
  return (
    <>
      {props.isFirst ? '' : ', '}
      <A href={`/operations/${props.other.operation}`}>{props.other.title}</A>
      <span class="faint">
        {' '}
        (by {props.other.startedBy}, for <Duration from={props.other.since} to={null} live />)
      </span>
    </>
  );
}
