// Seals every payload that goes to Temporal and refuses every one that is not sealed: whoever reaches Temporal's port can
// neither read nor forge a plan.

import type { Payload, PayloadCodec } from '@temporalio/common';
import { AppError } from '../model/errors.ts';
import type { KeyRing } from './key-ring.ts';
import { seal, unseal } from './seal.ts';

export const sealedEncoding = 'binary/aegir-sealed';
const context = 'payload';
const text = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString();

export function createPayloadCodec(keys: KeyRing): PayloadCodec {
  const key = keys.derive('payloads');
  return {
    encode: async payloads => payloads.map(payload => sealPayload(key, payload)),
    decode: async payloads => payloads.map(payload => unsealPayload(key, payload)),
  };
}

interface PortablePayload {
  metadata: Record<string, string>;
  data: string;
}

function sealPayload(key: Buffer, payload: Payload): Payload {
  const metadata = Object.entries(payload.metadata ?? {}).map(([name, value]) => [
    name,
    Buffer.from(value).toString('base64'),
  ]);
  const portable: PortablePayload = {
    metadata: Object.fromEntries(metadata),
    data: Buffer.from(payload.data ?? []).toString('base64'),
  };
  return {
    metadata: { encoding: Buffer.from(sealedEncoding) },
    data: seal(key, Buffer.from(JSON.stringify(portable)), context),
  };
}

function unsealPayload(key: Buffer, payload: Payload): Payload {
  if (text(payload.metadata?.encoding) !== sealedEncoding) {
    throw new AppError('forbidden', 'A payload that Aegir did not seal was refused.');
  }
  const portable = JSON.parse(unseal(key, Buffer.from(payload.data ?? []), context).toString()) as PortablePayload;
  const metadata = Object.entries(portable.metadata).map(([name, value]) => [name, Buffer.from(value, 'base64')]);
  return { metadata: Object.fromEntries(metadata), data: Buffer.from(portable.data, 'base64') };
}
