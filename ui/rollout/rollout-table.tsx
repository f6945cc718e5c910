// Rollouts in rows, and how far one is.

import { A } from '@solidjs/router';
import { For, Show } from 'solid-js';
import type { RolloutSummary } from '../../api/contract-rollouts.ts';
import { failuresOf, type RolloutCounts, totalOf } from '../../model/rollout.ts';
import { StateBadge } from '../parts/badge.tsx';
import { When } from '../parts/when.tsx';

export function RolloutTable(props: { items: RolloutSummary[] }) {
  return (
    <div class="table-frame">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Rollout</th>
            <th scope="col" class="col-state">
              State
            </th>
            <th scope="col">Progress</th>
            <th scope="col" class="col-who">
              Started by
            </th>
            <th scope="col" class="col-when">
              When
            </th>
          </tr>
        </thead>
        <tbody>
          <For each={props.items}>
            {rollout => (
              <tr>
                <td class="cell-main">
                  <A href={`/rollouts/${rollout.id}`}>{rollout.title}</A>
                  <Show when={rollout.reason}>
                    <p class="faint small">{rollout.reason}</p>
                  </Show>
                  <Show when={rollout.state === 'paused' || rollout.state === 'waiting'}>
                    <p class="row-message">{rollout.message}</p>
                  </Show>
                </td>
                <td data-label="State">
                  <StateBadge state={rollout.state} />
                </td>
                <td data-label="Progress">
                  <RolloutProgress counts={rollout.counts} />
                </td>
                <td data-label="Started by">{rollout.startedBy}</td>
                <td data-label="When">
                  <When at={rollout.createdAt} />
                </td>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </div>
  );
}

/** A bar of what succeeded, failed and runs; the same in words. */
export function RolloutProgress(props: { counts: RolloutCounts }) {
  const total = () => Math.max(1, totalOf(props.counts));
  const failed = () => failuresOf(props.counts);
  const words = () => {
    const { succeeded, running, pending, removed } = props.counts;
    const parts = [
      `${succeeded} of ${totalOf(props.counts)} done`,
      failed() > 0 && `${failed()} failed`,
      running > 0 && `${running} running`,
      pending > 0 && `${pending} to come`,
      removed > 0 && `${removed} taken off`,
    ];
    return parts.filter(Boolean).join(', ');
  };
  const part = (count: number) => ({ 'inline-size': `${(100 * count) / total()}%` });
  return (
    <div class="rollout-progress">
      <div class="rollout-bar" aria-hidden="true">
        <span class="rollout-part tone-good" style={part(props.counts.succeeded)} />
        <span class="rollout-part tone-bad" style={part(failed())} />
        <span class="rollout-part tone-busy" style={part(props.counts.running)} />
      </div>
      <span class="small">{words()}</span>
    </div>
  );
}
