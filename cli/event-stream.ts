// Server-sent events that survive a cut connection: it connects again with the id of the last event, so that the server
// goes on behind it.

import { setTimeout as delay } from 'node:timers/promises';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { Client } from './client.ts';
import { CliError, exitCodes } from './exit.ts';

export interface ServerEvent {
  name: string;
  data: string;
}

/** A proxy or a sleeping laptop can leave a connection dead without a word; connecting again loses nothing. */
const silenceMs = 60_000;
const firstDelayMs = 250;
/** Often enough that a person does not notice, seldom enough for a server that is starting. */
const longestDelayMs = 3000;
/** A restart of the whole installation takes a few seconds; after a minute a person wants to know. */
const patienceMs = 60_000;

export async function* readEvents(client: Client, path: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  let lastId = '';
  let lastSuccess = Date.now();
  let wait = firstDelayMs;
  while (!signal.aborted) {
    try {
      for await (const event of readConnection(client, path, lastId, signal)) {
        if (event.id !== undefined) lastId = event.id;
        lastSuccess = Date.now();
        wait = firstDelayMs;
        yield { name: event.event ?? 'message', data: event.data };
      }
    } catch (error) {
      if (signal.aborted) return;
      // An answer that says no stays no.
      if (error instanceof CliError && error.exitCode !== exitCodes.unreachable) throw error;
      if (Date.now() - lastSuccess > patienceMs) throw error;
    }
    await delay(wait, undefined, { signal }).catch(() => undefined);
    wait = Math.min(wait * 2, longestDelayMs);
  }
}

async function* readConnection(client: Client, path: string, lastId: string, signal: AbortSignal) {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), silenceMs);
  try {
    const response = await client.send('GET', path, {
      headers: { accept: 'text/event-stream', ...(lastId === '' ? {} : { 'last-event-id': lastId }) },
      signal: AbortSignal.any([signal, silence.signal]),
      limited: false,
    });
    if (response.body === null) return;
    const alive = new TransformStream<Uint8Array, Uint8Array>({
      transform(bytes, controller) {
        timer.refresh();
        controller.enqueue(bytes);
      },
    });
    yield* response.body
      .pipeThrough(alive)
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream());
  } finally {
    clearTimeout(timer);
  }
}
