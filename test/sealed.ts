// Sealed payloads of the engine, opened as its console does it.

import { join } from 'node:path';
import { Client, type Connection } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { createDataConverter } from '../secrets/data-converter.ts';
import { openKeyRing } from '../secrets/key-ring.ts';
import { createPayloadCodec } from '../secrets/payload-codec.ts';
import type { Aegir } from './harness.ts';

const encode = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('base64');

export async function openPayload(aegir: Aegir, payload: Payload | null | undefined): Promise<string> {
  const sealed = { metadata: { encoding: encode(payload?.metadata?.encoding) }, data: encode(payload?.data) };
  const path = '/api/codec/decode';
  const { body } = await aegir.call<{ payloads: { data: string }[] }>('POST', path, { payloads: [sealed] });
  return Buffer.from(body.payloads[0]?.data ?? '', 'base64').toString();
}

/** A client that has the key: it reads what failures say. */
export function clientWithKey(aegir: Aegir, connection: Connection): Client {
  const keys = openKeyRing({ file: join(aegir.home, 'secret.key') }, () => {});
  const namespace = aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '';
  return new Client({ connection, namespace, dataConverter: createDataConverter(createPayloadCodec(keys)) });
}
