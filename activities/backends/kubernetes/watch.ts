// Objects of one kind as they are now: listed, then followed from that version on. When the server has forgotten the version
// (410), or the connection breaks, it goes on from there or lists again; nothing is missed.

import { setTimeout as delay } from 'node:timers/promises';
import { isStatus } from './api-error.ts';
import type { Answer, Api, Query } from './client.ts';
import { Aborted } from './patience.ts';

export interface Watched {
  items(): Answer[];
  /** As they were last. */
  deleted(): Answer[];
  /** Resolves with the next change; at once when there was one since it was asked last. */
  changed(): Promise<void>;
  /** Rejects when it cannot be followed; never resolves. */
  broken: Promise<never>;
  stop(): void;
}

interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: Answer & { code?: number; message?: string };
}

interface List {
  apiVersion: string;
  kind: string;
  metadata: { resourceVersion: string };
  items: Answer[];
}

/** A server that ends each watch at once must not be asked without a pause. */
const pauseMs = 200;

export async function watchObjects(api: Api, path: string, query: Query, signal: AbortSignal): Promise<Watched> {
  const stopping = new AbortController();
  const within = AbortSignal.any([signal, stopping.signal]);
  const objects = new Map<string, Answer>();
  const gone: Answer[] = [];
  let version = '';
  let change = Promise.withResolvers<void>();
  const tell = () => {
    change.resolve();
  };
  const list = async () => {
    const { items, apiVersion, kind, metadata } = await api.get<List>(path, { query, signal: within });
    objects.clear();
    // What each of them is only the list says.
    const common = { apiVersion, kind: kind.replace(/List$/, '') };
    for (const item of items) objects.set(String(item.metadata?.uid), { ...common, ...item });
    version = metadata.resourceVersion;
    tell();
  };
  /** false: the version is too old. */
  const take = ({ type, object }: WatchEvent): boolean => {
    if (type === 'ERROR') return false;
    version = object.metadata?.resourceVersion ?? version;
    if (type === 'BOOKMARK') return true;
    if (type === 'DELETED') {
      objects.delete(String(object.metadata?.uid));
      gone.push(object);
    } else objects.set(String(object.metadata?.uid), object);
    tell();
    return true;
  };
  const follow = async () => {
    const watching: Query = { ...query, watch: true, resourceVersion: version, allowWatchBookmarks: true };
    const stream = await api.stream(path, { query: watching, signal: within }).catch(error => {
      if (isStatus(error, 410)) return null;
      throw error;
    });
    let isFresh = stream !== null;
    try {
      for await (const event of events(stream ?? [])) {
        isFresh = take(event);
        if (!isFresh) break;
      }
    } catch {
      // The connection broke: it goes on from the last version.
    } finally {
      stream?.destroy();
    }
    if (!isFresh) await list();
  };
  await list();
  const broken = (async (): Promise<never> => {
    while (!within.aborted) {
      await follow();
      await delay(pauseMs, undefined, { signal: within }).catch(() => undefined);
    }
    throw new Aborted();
  })();
  // Whoever waits for it hears of it; nobody else has to.
  broken.catch(() => undefined);
  return {
    items: () => [...objects.values()],
    deleted: () => gone,
    async changed() {
      await Promise.race([change.promise, broken]);
      change = Promise.withResolvers<void>();
    },
    broken,
    stop: () => stopping.abort(),
  };
}

/** Events and times are no part of what is watched: it is looked again this often. */
const lookMs = 1000;

/** @param others what must not break meanwhile. Throws when the run is aborted. */
export async function nextChange(watched: Watched[], signal: AbortSignal, others: Promise<void>[] = []): Promise<void> {
  if (signal.aborted) throw new Aborted();
  const tick = new AbortController();
  const timer = delay(lookMs, undefined, { signal: AbortSignal.any([signal, tick.signal]) }).catch(() => undefined);
  const never = new Promise<void>(() => undefined);
  const broken = others.map(other => other.then(() => never));
  await Promise.race([...watched.map(each => each.changed()), ...broken, timer]).finally(() => tick.abort());
}

async function* events(stream: AsyncIterable<Buffer> | Iterable<never>): AsyncGenerator<WatchEvent> {
  let rest = Buffer.alloc(0);
  for await (const block of stream) {
    rest = Buffer.concat([rest, block as Buffer]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = rest.subarray(0, end).toString();
      rest = rest.subarray(end + 1);
      if (line.trim()) yield JSON.parse(line) as WatchEvent;
    }
  }
}
