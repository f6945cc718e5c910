// The Operations that an entity offers, as buttons: dangerous ones apart, those that cannot run now with the reason beside them.

import { A } from '@solidjs/router';
import { For, Show } from 'solid-js';
import type { OperationTypeOffer } from '../../api/contract.ts';

interface OffersProps {
  offers: OperationTypeOffer[];
  /** Address of the entity's page. */
  base: string;
}

export function Offers(props: OffersProps) {
  const ordinary = () => props.offers.filter(offer => !offer.dangerous);
  const dangerous = () => props.offers.filter(offer => offer.dangerous);
  return (
    <Show when={props.offers.length > 0} fallback={<p class="faint">No Operation type is for this.</p>}>
      <ul class="offers">
        <For each={ordinary()}>{offer => <Offer offer={offer} base={props.base} />}</For>
      </ul>
      <Show when={dangerous().length > 0}>
        <h3 class="danger-title">Dangerous</h3>
        <ul class="offers">
          <For each={dangerous()}>{offer => <Offer offer={offer} base={props.base} />}</For>
        </ul>
      </Show>
    </Show>
  );
}

function Offer(props: { offer: OperationTypeOffer; base: string }) {
  const style = () => `button ${props.offer.dangerous ? 'button-danger' : ''}`;
  return (
    <li class="offer">
      <Show
        when={props.offer.enabled}
        fallback={
          <button type="button" class={style()} disabled>
            {props.offer.title}
          </button>
        }
      >
        <A class={style()} href={`${props.base}/run/${props.offer.name}`}>
          {props.offer.title}
        </A>
      </Show>
      <span class="offer-text">
        {props.offer.description}
        <Show when={!props.offer.enabled}>
          <span class="offer-reason"> {props.offer.reason}</span>
        </Show>
      </span>
    </li>
  );
}
