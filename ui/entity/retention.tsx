// The backups of an Environment: which the rule keeps and why, and which “Remove old backups” would remove now.

import { A } from '@solidjs/router';
import { useQuery } from '@tanstack/solid-query';
import { For, Show } from 'solid-js';
import type { EntityView } from '../../api/contract.ts';
import type { RetentionView } from '../../model/retention.ts';
import { call } from '../api/client.ts';
import { StateBadge } from '../parts/badge.tsx';
import { Panel } from '../parts/page.tsx';
import { When } from '../parts/when.tsx';

export function Retention(props: { entity: EntityView }) {
  const isOne = () => props.entity.kind === 'environment' && !props.entity.values.throwaway_of;
  const answer = useQuery(() => ({
    queryKey: ['retention', props.entity.id, props.entity.updatedAt],
    queryFn: () => call<RetentionView>(`/environments/${props.entity.id}/retention`),
    enabled: isOne(),
  }));
  const goes = () => answer.data?.fates.filter(({ reasons }) => reasons.length === 0).length ?? 0;
  return (
    <Show when={isOne() && answer.data}>
      {view => (
        <Panel
          title="Which backups stay"
          aside={
            <Show when={goes() > 0}>
              <A href={`/environments/${props.entity.id}/run/remove_old_backups`}>Remove {goes()} old</A>
            </Show>
          }
        >
          <p class="faint small">
            {view().of === 'cluster' ? 'Its Cluster’s rule' : 'Its own rule'}: {view().rule}; none goes that is younger
            than {view().safetyDays} days. They are removed by “Remove old backups” only.
          </p>
          <Show when={view().fates.length > 0} fallback={<p class="faint">There is none yet.</p>}>
            <FateTable fates={view().fates} />
          </Show>
        </Panel>
      )}
    </Show>
  );
}

function FateTable(props: { fates: RetentionView['fates'] }) {
  return (
    <div class="table-frame">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Made</th>
            <th scope="col">State</th>
            <th scope="col">Stays</th>
          </tr>
        </thead>
        <tbody>
          <For each={props.fates}>
            {({ id, state, madeAt, reasons }) => (
              <tr>
                <td class="cell-main">
                  <A href={`/backups/${id}`}>
                    <When at={madeAt} />
                  </A>
                </td>
                <td data-label="State">
                  <StateBadge state={state} />
                </td>
                <td data-label="Stays">
                  {reasons.length > 0 ? reasons.join('; ') : <strong>goes, as no rule keeps it</strong>}
                </td>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </div>
  );
}
