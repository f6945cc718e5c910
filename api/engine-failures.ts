// Opens the sealed words of the failures in a run's history.

import { defaultPayloadConverter, type PayloadCodec } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import { errorText } from '../model/errors.ts';

type History = temporal.api.history.v1.IHistory;
type Event = temporal.api.history.v1.IHistoryEvent;
type Failure = temporal.api.failure.v1.IFailure;

/** A copy in which every failure says what it is; one that cannot be opened says that. */
export async function openFailures(codec: PayloadCodec, history: History): Promise<History> {
  return { events: await Promise.all((history.events ?? []).map(event => openEvent(codec, event))) };
}

async function openEvent(codec: PayloadCodec, event: Event): Promise<Event> {
  const opened = await Promise.all(
    Object.entries(event).map(async ([name, value]) => {
      const isOurs = name.endsWith('EventAttributes') && typeof value === 'object' && value !== null;
      return [name, isOurs ? await openAttributes(codec, value) : value];
    }),
  );
  return Object.fromEntries(opened);
}

interface Attributes {
  failure?: Failure | null;
  lastFailure?: Failure | null;
}

async function openAttributes(codec: PayloadCodec, attributes: Attributes): Promise<Attributes> {
  const { failure, lastFailure } = attributes;
  return {
    ...attributes,
    ...(failure && { failure: await openFailure(codec, failure) }),
    ...(lastFailure && { lastFailure: await openFailure(codec, lastFailure) }),
  };
}

async function openFailure(codec: PayloadCodec, failure: Failure): Promise<Failure> {
  const cause = failure.cause ? await openFailure(codec, failure.cause) : null;
  if (!failure.encodedAttributes) return { ...failure, cause };
  try {
    const [payload] = await codec.decode([failure.encodedAttributes]);
    const { message } = defaultPayloadConverter.fromPayload<{ message?: string }>(payload ?? {});
    return { ...failure, cause, message: message ?? '' };
  } catch (error) {
    return { ...failure, cause, message: `(${errorText(error)})` };
  }
}
