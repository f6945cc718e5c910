// Messages to a Receiver: what each said, what came of it; a test, and once more.

import { A } from '@solidjs/router';
import { createSignal, For, Show } from 'solid-js';
import type { EntityView } from '../../api/contract.ts';
import type { DeliveryView } from '../../api/contract-deliveries.ts';
import { noticeEvents } from '../../model/notices.ts';
import { call } from '../api/client.ts';
import { queryClient, useDeliveries } from '../api/queries.ts';
import { useDefinitions, useMayEdit } from '../app/session.tsx';
import { StateBadge } from '../parts/badge.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { ShowMore } from '../parts/more.tsx';
import { ErrorNotice } from '../parts/notice.tsx';
import { Panel } from '../parts/page.tsx';
import { When } from '../parts/when.tsx';

export function Deliveries(props: { entity: EntityView }) {
  const mayEdit = useMayEdit();
  const answer = useDeliveries(() => props.entity.id);
  const { post, error } = usePost();
  return (
    <Panel
      title="Messages"
      aside={
        <Show when={mayEdit('receiver') && props.entity.state !== 'deleted'}>
          <button type="button" class="button button-small" onClick={() => post(`/receivers/${props.entity.id}/test`)}>
            Send a test
          </button>
        </Show>
      }
    >
      <Show when={error()}>
        <ErrorNotice error={error()} />
      </Show>
      <Loaded answer={answer}>
        {data => {
          const items = () => data().pages.flatMap(page => page.items);
          return (
            <Show when={items().length > 0} fallback={<p class="faint">Nothing was sent to it yet.</p>}>
              <DeliveryTable
                items={items()}
                mayEdit={mayEdit('receiver')}
                again={id => post(`/deliveries/${id}/again`)}
              />
              <ShowMore answer={answer} />
            </Show>
          );
        }}
      </Loaded>
    </Panel>
  );
}

function usePost() {
  const [error, setError] = createSignal<unknown>(null);
  const post = async (path: string) => {
    setError(null);
    try {
      await call(path, { method: 'POST' });
      await queryClient.invalidateQueries({ queryKey: ['deliveries'] });
    } catch (cause) {
      setError(cause);
    }
  };
  return { post, error };
}

function DeliveryTable(props: { items: DeliveryView[]; mayEdit: boolean; again: (id: string) => void }) {
  return (
    <div class="table-frame">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Message</th>
            <th scope="col">State</th>
            <th scope="col">When</th>
            <th scope="col">
              <span class="hidden">Send again</span>
            </th>
          </tr>
        </thead>
        <tbody>
          <For each={props.items}>
            {delivery => (
              <tr>
                <td class="cell-main">
                  <Content delivery={delivery} />
                  <Show when={delivery.answer && delivery.state !== 'delivered'}>
                    <p class="row-message">{delivery.answer}</p>
                  </Show>
                </td>
                <td data-label="State">
                  <StateBadge state={delivery.state} />
                  <p class="faint small">
                    <Progress delivery={delivery} />
                  </p>
                </td>
                <td data-label="When">
                  <When at={delivery.triedAt ?? delivery.createdAt} />
                </td>
                <td class="cell-action">
                  <Show when={props.mayEdit}>
                    <button type="button" class="button button-small" onClick={() => props.again(delivery.id)}>
                      {delivery.state === 'delivered' || delivery.state === 'given_up' ? 'Send again' : 'Send now'}
                    </button>
                  </Show>
                </td>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </div>
  );
}

/** As many as fit into a row. */
const shownNotices = 5;

function Content(props: { delivery: DeliveryView }) {
  const definitions = useDefinitions();
  const hidden = () => props.delivery.notices.length - shownNotices;
  return (
    <Show when={!props.delivery.testBy} fallback={<>Test, asked for by {props.delivery.testBy}</>}>
      <ul class="plain-list">
        <For each={props.delivery.notices.slice(0, shownNotices)}>
          {({ event, again, title, subject, operation, path }) => (
            <li>
              {noticeEvents[event].title}
              {again ? ', still' : ''}:{' '}
              <A
                href={
                  path
                    ? `/${path}`
                    : operation
                      ? `/operations/${operation}`
                      : `/${definitions()[subject.kind].plural}/${subject.id}`
                }
              >
                {title && title !== noticeEvents[event].title ? `${title} of ${subject.name}` : subject.name}
              </A>
            </li>
          )}
        </For>
      </ul>
      <Show when={hidden() > 0}>
        <span class="faint small">and {hidden()} more</span>
      </Show>
    </Show>
  );
}

function Progress(props: { delivery: DeliveryView }) {
  const tries = () => props.delivery.attempts;
  return (
    <>
      <Show when={props.delivery.state === 'collecting'}>waits for more, or for the end of quiet hours</Show>
      <Show when={tries() > 1}>
        {tries()} attempts{props.delivery.nextAt ? ', ' : ''}
      </Show>
      <Show when={props.delivery.nextAt}>
        next <When at={props.delivery.nextAt} />
      </Show>
    </>
  );
}
