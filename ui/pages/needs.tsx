// What needs somebody: everything that waits for a person, each with its next step.

import { A } from '@solidjs/router';
import { createSignal, For, Show } from 'solid-js';
import { type Need, needTopics, topicTitles } from '../../model/need.ts';
import { call } from '../api/client.ts';
import { queryClient, useNeeds } from '../api/queries.ts';
import { useDefinitions, useMay } from '../app/session.tsx';
import { failureOf } from '../form/failure.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Empty, Page, Panel } from '../parts/page.tsx';
import { When } from '../parts/when.tsx';

export function NeedsPage() {
  const answer = useNeeds();
  return (
    <Page title="What needs somebody">
      <Loaded answer={answer}>
        {data => (
          <Show
            when={data().items.length > 0}
            fallback={
              <Empty title="Nothing">
                <p>No Operation asks, nothing has failed unseen, and all that should run by itself does.</p>
              </Empty>
            }
          >
            <For each={needTopics.filter(topic => data().totals[topic])}>
              {topic => {
                const items = () => data().items.filter(item => item.topic === topic);
                return (
                  <Panel title={`${topicTitles[topic]} (${data().totals[topic]})`}>
                    <ul class="need-list">
                      <For each={items()}>{item => <NeedItem need={item} />}</For>
                    </ul>
                    <Show when={(data().totals[topic] ?? 0) > items().length}>
                      <p class="faint small">and {(data().totals[topic] ?? 0) - items().length} more</p>
                    </Show>
                  </Panel>
                );
              }}
            </For>
          </Show>
        )}
      </Loaded>
    </Page>
  );
}

function NeedItem(props: { need: Need }) {
  const may = useMay();
  const definitions = useDefinitions();
  const [said, setSaid] = createSignal('');
  const path = () => {
    const { kind, id } = props.need.subject;
    if (kind === 'aegir') return props.need.next.path;
    return kind === 'operation' || kind === 'rollout' ? `/${kind}s/${id}` : `/${definitions()[kind].plural}/${id}`;
  };
  const see = async () => {
    try {
      await call(`/operations/${props.need.seen}/seen`, { method: 'POST', body: {} });
      await queryClient.invalidateQueries({ queryKey: ['needs'] });
    } catch (error) {
      setSaid(failureOf(error, []).text);
    }
  };
  return (
    <li class="need">
      <div>
        <A href={path()}>{props.need.subject.name}</A>{' '}
        <Show when={props.need.since}>
          <span class="faint small">
            <When at={props.need.since} />
          </span>
        </Show>
        <p class="row-message">{props.need.words}</p>
        <p role="status" class="small">
          {said()}
        </p>
      </div>
      <div class="need-steps">
        <A class="button button-small" href={props.need.next.path}>
          {props.need.next.words}
        </A>
        <Show when={props.need.seen && may('run')}>
          <button type="button" class="button button-small" onClick={see}>
            Seen
          </button>
        </Show>
      </div>
    </li>
  );
}
