// Which parts of Aegir do not answer: asked every few seconds, so that a page says so by itself, and that it is over.

import { createSignal, onCleanup } from 'solid-js';
import { queryClient } from './queries.ts';

export interface AwayPart {
  /** `api`, or a part as /api/health names it. */
  name: string;
  /** When this page saw it first. */
  since: string;
}

// Both together are below the 15 s within which an outage is to be on every page.
const everyMs = 4000;
const patienceMs = 9000;

const [away, setAway] = createSignal<AwayPart[]>([]);

/** Empty = all is well. */
export { away };

/** While the component lives and the page is in sight. */
export function useHealth(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isAsking = false;
  let hasEnded = false;
  const look = async () => {
    clearTimeout(timer);
    if (hasEnded || isAsking || document.hidden) return;
    isAsking = true;
    const names = await askHealth();
    isAsking = false;
    const before = away();
    setAway(nextAway(before, names, new Date().toISOString()));
    // What failed meanwhile is asked for again.
    if (before.length > 0 && names.length === 0) void queryClient.invalidateQueries();
    timer = setTimeout(look, everyMs);
  };
  const onVisibility = () => void look();
  document.addEventListener('visibilitychange', onVisibility);
  void look();
  onCleanup(() => {
    hasEnded = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', onVisibility);
  });
}

/** Names of what does not answer. */
async function askHealth(): Promise<string[]> {
  try {
    const signal = AbortSignal.timeout(patienceMs);
    const response = await fetch('/api/health', { signal, cache: 'no-store', headers: { accept: 'application/json' } });
    return awayOf(await response.json());
  } catch {
    return ['api'];
  }
}

/** A proxy that has nobody behind it answers something else. */
export function awayOf(body: unknown): string[] {
  const parts = typeof body === 'object' && body !== null && 'parts' in body ? body.parts : null;
  if (typeof parts !== 'object' || parts === null) return ['api'];
  return Object.entries(parts).flatMap(([name, isThere]) => (isThere === false ? [name] : []));
}

/** What is still away keeps the moment at which that began. */
export function nextAway(before: AwayPart[], names: string[], now: string): AwayPart[] {
  return names.map(name => before.find(part => part.name === name) ?? { name, since: now });
}
