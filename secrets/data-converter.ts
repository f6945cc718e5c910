// How everything of ours that goes to Temporal is turned into payloads: one for worker, API, tests and measurements.

import { join } from 'node:path';
import type { DataConverter, PayloadCodec } from '@temporalio/common';

export function createDataConverter(codec: PayloadCodec): DataConverter {
  return { payloadCodecs: [codec], failureConverterPath: join(import.meta.dirname, 'failure-converter.ts') };
}
