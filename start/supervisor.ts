// Starts parts in the order of their needs, starts a crashed one again, and stops all in the opposite order.

import { setTimeout as delay } from 'node:timers/promises';
import { AppError, errorText } from '../model/errors.ts';
import type { Exit, Running } from './launch.ts';
import { uselessToRestart } from './node-part.ts';
import type { PartName, PartState, PartStatus } from './status.ts';

export interface Part {
  name: PartName;
  port: number | null;
  logFile: string;
  /** Parts that must be ready before it starts. */
  after: PartName[];
  start(signal: AbortSignal): Promise<Running>;
  /** Why it has ended, when starting it again is of no use. */
  explain?(running: Running): Promise<AppError | undefined>;
}

export interface SupervisorOptions {
  /** In the order of starting; stopped in the opposite one. */
  parts: Part[];
  say(line: string): void;
  changed(parts: PartStatus[]): void;
}

export interface Supervisor {
  /** Resolves when all parts are ready; rejects with what a person should know. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Cuts the grace times of a stop under way short. */
  hurry(): void;
  /** Resolves when a part has ended for a reason that a new start does not mend. */
  broken: Promise<AppError>;
}

const stopped = new AppError('unavailable', 'Stopped while it was starting.');

const firstDelayMs = 500;
const longestDelayMs = 30_000;
// Whoever has lived for a minute has not crashed because of its start.
const steadyMs = 60_000;

interface Post {
  part: Part;
  status: PartStatus;
  running?: Running;
  /** The loop that starts and watches it. */
  watch?: Promise<void>;
}

export function createSupervisor({ parts, say, changed }: SupervisorOptions): Supervisor {
  const stopping = new AbortController();
  const hurrying = new AbortController();
  const broken = Promise.withResolvers<AppError>();
  const posts = parts.map(part => ({ part, status: newStatus(part) }) satisfies Post as Post);

  const mark = (post: Post, state: PartState) => {
    post.status = { ...post.status, state, pid: post.running?.pid ?? null, since: new Date().toISOString() };
    changed(posts.map(({ status }) => status));
  };

  async function bringUp(post: Post): Promise<void> {
    const start = Date.now();
    post.running = await post.part.start(stopping.signal);
    mark(post, 'ready');
    say(`  ${post.part.name.padEnd(9)} ready after ${((Date.now() - start) / 1000).toFixed(1)} s`);
  }

  /** Ends when the supervisor stops, or when the part cannot be helped. */
  async function watch(post: Post): Promise<void> {
    let failures = 0;
    while (!stopping.signal.aborted) {
      const before = post.running;
      if (before) {
        const readySince = Date.parse(post.status.since);
        const exit = await before.exited;
        if (stopping.signal.aborted) return;
        await before.stop();
        const reason = exit.code === uselessToRestart ? await post.part.explain?.(before) : undefined;
        if (reason) return broken.resolve(reason);
        if (Date.now() - readySince > steadyMs) failures = 0;
        say(renderCrash(post.part, exit, delayOf(failures)));
      }
      delete post.running;
      post.status.restarts += 1;
      mark(post, 'restarting');
      await delay(delayOf(failures), undefined, { signal: stopping.signal }).catch(() => undefined);
      failures += 1;
      if (!stopping.signal.aborted) await retry(post, delayOf(failures));
    }
  }

  async function retry(post: Post, nextDelayMs: number): Promise<void> {
    try {
      await bringUp(post);
    } catch (error) {
      if (stopping.signal.aborted) return;
      if (error instanceof AppError && error.code !== 'unavailable') return broken.resolve(error);
      say(`${errorText(error)}\n  Trying again in ${nextDelayMs / 1000} s.`);
    }
  }

  async function start(): Promise<void> {
    const ready = new Map<PartName, Promise<void>>();
    const failures: unknown[] = [];
    for (const post of posts) {
      const needs = post.part.after.map(name => ready.get(name));
      const done = Promise.all(needs).then(async () => {
        stopping.signal.throwIfAborted();
        mark(post, 'starting');
        await bringUp(post);
        post.watch = watch(post);
      });
      done.catch(error => {
        failures.push(error);
        stopping.abort(stopped);
      });
      ready.set(post.part.name, done);
    }
    // All are waited for also after a failure: the ones under way have to be stopped as well.
    await Promise.allSettled(ready.values());
    if (failures.length > 0) throw failures[0];
  }

  async function stop(): Promise<void> {
    stopping.abort(stopped);
    for (const post of posts.toReversed()) {
      const { running } = post;
      if (running) {
        const polite = running.stop(hurrying.signal.aborted);
        await Promise.race([polite, onAbort(hurrying.signal).then(() => running.stop(true))]);
      }
      await post.watch;
      mark(post, 'stopped');
    }
  }

  return { start, stop, hurry: () => hurrying.abort(), broken: broken.promise };
}

function newStatus(part: Part): PartStatus {
  return {
    ...{ name: part.name, pid: null, port: part.port, state: 'stopped', restarts: 0 },
    since: new Date().toISOString(),
  };
}

function delayOf(failures: number): number {
  return Math.min(firstDelayMs * 2 ** failures, longestDelayMs);
}

function renderCrash(part: Part, { code, signal }: Exit, delayMs: number): string {
  const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
  return `${part.name} ${how}; starting it again in ${delayMs / 1000} s. Its log: ${part.logFile}`;
}

function onAbort(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
