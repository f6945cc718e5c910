// Seals every payload that goes to Temporal and refuses every one that is not sealed: whoever reaches Temporal's port can
// neither read nor forge a plan.

import {
  defaultPayloadConverter,
  type Payload,
  type PayloadCodec,
  type SerializationContext,
} from '@temporalio/common';
import { AppError, errorText } from '../model/errors.ts';
import type { KeyRing } from './key-ring.ts';

export interface SealingCodec extends PayloadCodec {
  /** For people: what is not sealed is shown as it is, what cannot be opened says why. */
  show(payload: Payload): Shown;
}

export interface Shown {
  payload: Payload;
  /** Id of the workflow or Action that it was made for, where the payload says it. */
  run: string | null;
  wasSealed: boolean;
}

export const sealedEncoding = 'binary/aegir-sealed';
const context = 'payload';
const text = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString();
const isSealed = (payload: Payload) => text(payload.metadata?.encoding) === sealedEncoding;

export function createPayloadCodec(keys: KeyRing): SealingCodec {
  return {
    encode: async (payloads, owner) => payloads.map(payload => sealPayload(keys, payload, owner)),
    decode: async payloads =>
      payloads.map(payload => {
        if (isSealed(payload)) return unsealPayload(keys, payload).payload;
        if (isOfTheServer(payload)) return payload;
        throw new AppError('forbidden', 'A payload that Aegir did not seal was refused.');
      }),
    show(payload) {
      if (!isSealed(payload)) return { payload, run: null, wasSealed: false };
      try {
        return { ...unsealPayload(keys, payload), wasSealed: true };
      } catch (error) {
        return { payload: defaultPayloadConverter.toPayload(errorText(error)), run: null, wasSealed: true };
      }
    },
  };
}

/** The engine's own words, where an activity is cancelled of which no worker has heard: without them the run would hang. */
const serverWords = ['"ACTIVITY_ID_NOT_STARTED"', '"ACTIVITY_ID_UNKNOWN"'];

/** Whoever forges one of these has said nothing. */
function isOfTheServer(payload: Payload): boolean {
  return text(payload.metadata?.encoding) === 'json/plain' && serverWords.includes(text(payload.data));
}

interface PortablePayload {
  metadata: Record<string, string>;
  data: string;
  run?: string;
}

function sealPayload(keys: KeyRing, payload: Payload, owner?: SerializationContext): Payload {
  const metadata = Object.entries(payload.metadata ?? {}).map(([name, value]) => [
    name,
    Buffer.from(value).toString('base64'),
  ]);
  const run = owner?.workflowId ?? (owner?.type === 'activity' ? owner.activityId : undefined);
  const portable: PortablePayload = {
    metadata: Object.fromEntries(metadata),
    data: Buffer.from(payload.data ?? []).toString('base64'),
    ...(run === undefined ? {} : { run }),
  };
  return {
    metadata: { encoding: Buffer.from(sealedEncoding) },
    data: keys.seal('payloads', Buffer.from(JSON.stringify(portable)), context),
  };
}

function unsealPayload(keys: KeyRing, payload: Payload): { payload: Payload; run: string | null } {
  const opened = keys.open('payloads', Buffer.from(payload.data ?? []), context).toString();
  const { metadata, data, run = null } = JSON.parse(opened) as PortablePayload;
  const entries = Object.entries(metadata).map(([name, value]) => [name, Buffer.from(value, 'base64')]);
  return { payload: { metadata: Object.fromEntries(entries), data: Buffer.from(data, 'base64') }, run };
}
