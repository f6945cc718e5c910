// Everything that rounds are run against: a host, the parts, and a Server in the model.

import type { Entity } from '../../model/entities.ts';
import { startTestHost } from '../test-host.ts';
import { createClient } from './client.ts';
import { prepareTarget } from './host.ts';
import { startParts } from './parts.ts';
import type { World } from './round.ts';
import { makeTypes } from './types.ts';

export interface RunningWorld extends World {
  /** Leaves nothing behind. */
  stop(): Promise<void>;
}

export async function startWorld(): Promise<RunningWorld> {
  const types = makeTypes();
  const endings: (() => Promise<void>)[] = [async () => types.remove()];
  const stop = async () => {
    for (const end of endings.splice(0).toReversed()) await end();
  };
  try {
    const host = await startTestHost('crash');
    endings.push(() => host.stop());
    const target = await prepareTarget(host);
    const parts = await startParts(types.path);
    endings.push(() => parts.stop());
    const client = createClient(parts);
    const make = async (plural: string, values: Record<string, unknown>) => {
      const { status, body } = await client.call<Entity>('POST', `/api/${plural}`, { values });
      if (status !== 201) throw new Error(`${plural}: ${JSON.stringify(body)}`);
      return body;
    };
    await make('clusters', { name: 'farm', kind: 'servers' });
    const at = { address: host.address, ssh_key: host.privateKey };
    const { id } = await make('servers', { name: 'web1', cluster: 'farm', ...at });
    return { parts, target, server: id, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
