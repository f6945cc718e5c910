// The Actions that an entity offers, as buttons that answer at once, and the last answer below them.

import { A } from '@solidjs/router';
import { createSignal, For, Show } from 'solid-js';
import type { OperationTypeOffer } from '../../api/contract.ts';
import { ActionOutcome } from './action-outcome.tsx';
import { type Outcome, runAction } from './action-run.ts';

interface ActionsProps {
  offers: OperationTypeOffer[];
  /** Address of the entity's page. */
  base: string;
}

export function Actions(props: ActionsProps) {
  const [running, setRunning] = createSignal<string | null>(null);
  const [last, setLast] = createSignal<{ title: string; outcome: Outcome } | null>(null);
  const run = async ({ name, title, action }: OperationTypeOffer) => {
    setLast(null);
    setRunning(name);
    const outcome = await runAction({ base: props.base, type: name, opens: action?.opens ?? null, input: {} });
    setRunning(null);
    setLast({ title, outcome });
  };
  return (
    <>
      <ul class="offers">
        <For each={props.offers}>
          {offer => (
            <ActionEntry
              offer={offer}
              form={`${props.base}/run/${offer.name}`}
              busy={running() !== null}
              run={() => void run(offer)}
            />
          )}
        </For>
      </ul>
      <Show when={last()}>
        {shown => <ActionOutcome title={shown().title} outcome={shown().outcome} close={() => setLast(null)} />}
      </Show>
    </>
  );
}

function ActionEntry(props: { offer: OperationTypeOffer; form: string; busy: boolean; run: () => void }) {
  const asks = () => props.offer.action?.asks;
  return (
    <li class="offer">
      <Show
        when={props.offer.enabled && asks() === 'required'}
        fallback={
          <button
            type="button"
            class="button"
            disabled={props.busy || !props.offer.enabled}
            onClick={() => props.run()}
          >
            {props.offer.title}
          </button>
        }
      >
        <A class="button" href={props.form}>
          {props.offer.title}
        </A>
      </Show>
      <span class="offer-text">
        {props.offer.description}
        <Show when={props.offer.enabled && asks() === 'optional'}>
          {' '}
          <A href={props.form}>Choose more</A>
        </Show>
        <Show when={!props.offer.enabled}>
          <span class="offer-reason"> {props.offer.reason}</span>
        </Show>
      </span>
    </li>
  );
}
