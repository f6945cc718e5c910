// Follows the API's event stream and makes stale what an event is about, so that open pages show changes by themselves.

import { createSignal, onCleanup } from 'solid-js';
import type { OperationView } from '../../api/contract.ts';
import { isOver } from '../../model/run.ts';
import { queryClient } from './queries.ts';
import { followStream } from './stream.ts';

// A run writes many rows a second; a page that asks again twice a second looks live and costs little.
const gatherMs = 500;

/** First parts of the keys that an event makes stale. */
const touched: Record<string, string[]> = {
  entity: [
    'entities',
    'entity',
    'drift',
    'offers',
    'overrides',
    'audit',
    'deliveries',
    'pushes',
    'schedule-entries',
    'scheduled-runs',
    'needs',
  ],
  operation: [
    'operations',
    'entity',
    'offers',
    'schedule-entries',
    'scheduled-runs',
    'rollout',
    'rollout-items',
    'needs',
  ],
  rollout: ['rollouts', 'rollout', 'rollout-items', 'needs'],
};

/** Of an event of any other kind, such as "all" after the API lost events itself. */
const everything = [...new Set(Object.values(touched).flat()), 'operation', 'session', 'tokens', 'catalogue'];

const [isLive, setIsLive] = createSignal(true);

/** False while the stream is broken: what is on the page may be old. */
export { isLive };

export function useLiveUpdates(): void {
  const stale = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const refresh = () => {
    timer = undefined;
    for (const key of stale) void queryClient.invalidateQueries({ queryKey: [key] });
    stale.clear();
  };
  const onEvent = (event: MessageEvent<string>) => {
    const { kind, id } = pointerOf(event);
    for (const key of touched[kind] ?? everything) stale.add(key);
    if (kind === 'operation') lookForResume(id);
    timer ??= setTimeout(refresh, gatherMs);
  };
  followStream({
    path: '/events',
    isResumable: false,
    events: { change: onEvent },
    onOpen: isBack => {
      setIsLive(true);
      if (isBack) void queryClient.invalidateQueries();
    },
    onLost: () => setIsLive(false),
  });
  onCleanup(() => clearTimeout(timer));
}

/** Its own stream ended with it: that somebody has resumed it is told only here. */
function lookForResume(id: string): void {
  const known = queryClient.getQueryData<OperationView>(['operation', id]);
  if (known && isOver(known.state)) void queryClient.invalidateQueries({ queryKey: ['operation', id] });
}

function pointerOf(event: MessageEvent<string>): { kind: string; id: string } {
  try {
    const data = JSON.parse(event.data) as { kind?: string; id?: string };
    return { kind: data.kind ?? event.type, id: data.id ?? '' };
  } catch {
    return { kind: event.type, id: '' };
  }
}
