// Follows the API's event stream and makes stale what an event is about, so that open pages show changes by themselves.

import { createSignal, onCleanup } from 'solid-js';
import { queryClient } from './queries.ts';
import { followStream } from './stream.ts';

// A run writes many rows a second; a page that asks again twice a second looks live and costs little.
const gatherMs = 500;

/** First parts of the keys that an event makes stale. */
const touched: Record<string, string[]> = {
  entity: ['entities', 'entity', 'offers', 'overrides', 'audit'],
  operation: ['operations', 'entity', 'offers'],
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
    for (const key of touched[kindOf(event)] ?? everything) stale.add(key);
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

function kindOf(event: MessageEvent<string>): string {
  try {
    const data = JSON.parse(event.data) as { kind?: string };
    return data.kind ?? event.type;
  } catch {
    return event.type;
  }
}
