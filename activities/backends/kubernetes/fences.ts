// Who may write in a namespace: the highest fencing tokens that were seen there, in a ConfigMap beside what they protect. A
// run enters by raising them and looks again before each write. A write that was under way meanwhile meets the version of the
// object that the later run has made (apply.ts gives the version that it has read), or is written over by it.

import type { Fence, Run } from '../backend.ts';
import { supersededMessage } from '../fence.ts';
import { isStatus, isWriteRace } from './api-error.ts';
import { type Answer, type Api, mergePatch } from './client.ts';
import { fieldManager, managedBy } from './labels.ts';
import { readLive } from './live.ts';
import { TaskFailure } from './task-failure.ts';

const mapName = 'aegir-fences';

/** A Task whose attempts are that old is over for good; on Servers they are forgotten after as long. */
const keptDays = 30;
const dayMs = 24 * 3600 * 1000;

/** Locks of entities, and the attempt within its Task. */
export const fencesOf = ({ fences, taskId, attempt }: Pick<Run, 'fences' | 'taskId' | 'attempt'>): Fence[] => [
  ...fences,
  { key: taskKey(taskId), token: attempt },
];

export const taskKey = (taskId: string): string => `task-${taskId}`;

const pathOf = (namespace: string, name = '') => `/api/v1/namespaces/${namespace}/configmaps${name && `/${name}`}`;

/** false: the namespace is not there yet. Throws `superseded`. */
export async function enter(api: Api, namespace: string, fences: Fence[]): Promise<boolean> {
  for (;;) {
    const found = await read(api, namespace);
    const seen = tokensOf(found);
    refuseLower(seen, fences);
    if (fences.every(({ key, token }) => seen.get(key)?.token === token)) return true;
    try {
      if (await write(api, namespace, found, raised(found, fences))) return true;
    } catch (error) {
      // Another run has entered in between: its tokens count, too.
      if (!isWriteRace(error)) throw error;
    }
  }
}

/** Throws `superseded` when a later one has entered. */
export async function look(api: Api, namespace: string, fences: Fence[]): Promise<void> {
  refuseLower(tokensOf(await read(api, namespace)), fences);
}

const read = (api: Api, namespace: string) => readLive({ api }, pathOf(namespace, mapName));

async function write(
  api: Api,
  namespace: string,
  found: Answer | null,
  data: Record<string, string | null>,
): Promise<boolean> {
  const metadata = { name: mapName, labels: { [managedBy]: fieldManager } };
  if (found) {
    const body = { metadata: { resourceVersion: found.metadata?.resourceVersion }, data };
    await api.send('PATCH', pathOf(namespace, mapName), { body, ...mergePatch });
    return true;
  }
  try {
    await api.send('POST', pathOf(namespace), { body: { apiVersion: 'v1', kind: 'ConfigMap', metadata, data } });
    return true;
  } catch (error) {
    if (isStatus(error, 404)) return false;
    throw error;
  }
}

interface Token {
  token: number;
  at: number;
}

/** A value is `<token> <time>`. */
function tokensOf(found: Answer | null): Map<string, Token> {
  const data = (found?.data ?? {}) as Record<string, string>;
  return new Map(
    Object.entries(data).map(([key, value]) => {
      const [token = '', at = ''] = value.split(' ');
      return [key, { token: Number(token), at: Date.parse(at) }];
    }),
  );
}

function refuseLower(seen: Map<string, Token>, fences: Fence[]): void {
  const isLate = fences.some(({ key, token }) => (seen.get(key)?.token ?? 0) > token);
  if (isLate) throw new TaskFailure(supersededMessage, 'superseded');
}

/** null takes an old one away. */
function raised(found: Answer | null, fences: Fence[]): Record<string, string | null> {
  const now = Date.now();
  const old = [...tokensOf(found)].filter(([key, { at }]) => key.startsWith('task-') && at < now - keptDays * dayMs);
  const at = new Date(now).toISOString();
  return {
    ...Object.fromEntries(old.map(([key]) => [key, null])),
    ...Object.fromEntries(fences.map(({ key, token }) => [key, `${token} ${at}`])),
  };
}
