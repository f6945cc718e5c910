// What the cluster has noted of an object: why a pod was not made, placed or started.

import type { Answer } from './client.ts';
import type { Work } from './work.ts';

interface Event extends Answer {
  type?: string;
  reason?: string;
  message?: string;
  lastTimestamp?: string;
  eventTime?: string;
}

const timeOf = ({ lastTimestamp, eventTime }: Event) => Date.parse(lastTimestamp ?? eventTime ?? '') || 0;

/** Messages, the newest last. @param reasons only these; nothing: all warnings. */
export async function eventsOf({ api, cluster }: Work, name: string, reasons: string[] = []): Promise<string[]> {
  const path = `/api/v1/namespaces/${cluster.namespace}/events`;
  const query = { fieldSelector: `involvedObject.name=${name}` };
  const { items } = await api.get<{ items: Event[] }>(path, { query });
  return items
    .filter(({ type, reason = '' }) => (reasons.length > 0 ? reasons.includes(reason) : type === 'Warning'))
    .sort((one, other) => timeOf(one) - timeOf(other))
    .map(({ message = '' }) => message.trim());
}
