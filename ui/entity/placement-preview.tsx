// Where the Environment that is being filled in would be put, and why; or why nowhere.

import { keepPreviousData, useQuery } from '@tanstack/solid-query';
import { For, Show } from 'solid-js';
import type { PlacementView } from '../../api/contract.ts';
import { call, queryString } from '../api/client.ts';
import type { Drafts } from '../form/drafts.ts';
import { Notice } from '../parts/notice.tsx';
import { labelFrom } from '../text/words.ts';

const servers = ['cluster', 'web_server', 'database_server'] as const;

export function PlacementPreview(props: { drafts: Drafts }) {
  const draft = (name: string) => {
    const value = props.drafts[name];
    return typeof value === 'string' ? value.trim() : '';
  };
  const wanted = () =>
    Object.fromEntries(['release', ...servers, 'php_version'].map(name => [name, draft(name) || undefined]));
  const answer = useQuery(() => ({
    queryKey: ['placement', wanted()],
    queryFn: () => call<PlacementView>(`/placement${queryString(wanted())}`),
    enabled: draft('release') !== '' && servers.some(name => draft(name) !== ''),
    placeholderData: keepPreviousData,
    // Others take places too.
    staleTime: 0,
  }));
  return (
    <Show when={answer.data}>
      {view => (
        <Show when={view().problems.length === 0} fallback={<NoPlace view={view()} />}>
          <Notice tone="info" title="It will be put on:">
            <ul class="plain-list">
              <For each={view().servers}>
                {({ field, name, reason }) => (
                  <li>
                    {labelFrom(field)}: <strong>{name}</strong> – {reason}
                  </li>
                )}
              </For>
              <Show when={view().clusterDatabase !== undefined}>
                <li>Pods of the cluster{view().clusterDatabase ? ', and a database of its own beside them' : ''}</li>
              </Show>
            </ul>
          </Notice>
        </Show>
      )}
    </Show>
  );
}

function NoPlace(props: { view: PlacementView }) {
  return (
    <Notice tone="warn" title="It has no place yet:">
      <ul class="plain-list">
        <For each={props.view.problems}>{({ message }) => <li>{message}</li>}</For>
      </ul>
    </Notice>
  );
}
