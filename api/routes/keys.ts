// The keys that seal: which there are, what still needs each, rotation. The keys themselves are never answered.

import { actorOf, type Principal } from '../../dispatch/access.ts';
import { AppError } from '../../model/errors.ts';
import { recordChange } from '../../model/store/audit.ts';
import { type KeyState, listKeys, type Resealed, reseal, unnamed } from '../../secrets/rotation.ts';
import type { KeyView, RotationView } from '../contract-keys.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';

export function addKeyRoutes(app: App, deps: ApiDependencies): void {
  const access = 'administer';
  const list = {
    method: 'get',
    path: '/api/keys',
    summary: 'The keys that seal, and what needs each',
    access,
  } as const;
  defineRoute(app, deps, list, async () => viewKeys(deps));

  const rotate = {
    method: 'post',
    path: '/api/keys/rotate',
    summary: 'Makes a new key and seals every stored secret with it',
    access,
  } as const;
  defineRoute(app, deps, rotate, async ({ principal }) => {
    const id = deps.keys.add();
    await record(deps, principal, 'rotate', id);
    return resealAll(deps, principal);
  });

  const again = {
    method: 'post',
    path: '/api/keys/reseal',
    summary: 'Seals every stored secret with the first key',
    access,
  } as const;
  defineRoute(app, deps, again, async ({ principal }) => resealAll(deps, principal));

  const remove = {
    method: 'delete',
    path: '/api/keys/{id}',
    summary: 'Removes a key that nothing needs any more',
    access,
    status: 204,
  } as const;
  defineRoute(app, deps, remove, async ({ params, principal }) => {
    const id = params.id ?? '';
    const key = (await viewKeys(deps)).find(each => each.id === id);
    if (!key) throw new AppError('not_found', `There is no key ${id}: see ./aegir keys list`);
    if (!key.mayGo) throw new AppError('conflict', `The key ${id} is still needed. ${key.reason}`);
    deps.keys.remove(id);
    await record(deps, principal, 'remove', id);
  });
}

async function resealAll(deps: ApiDependencies, principal: Principal): Promise<RotationView> {
  const result = await reseal(deps.db, deps.keys);
  const [id = ''] = deps.keys.ids();
  await record(deps, principal, 'reseal', id, result);
  return { ...result, keys: await viewKeys(deps) };
}

async function record(deps: ApiDependencies, principal: Principal, verb: string, id: string, result?: Resealed) {
  const after = result ? { ...result } : null;
  await deps.db.transaction(tx =>
    recordChange(tx, actorOf(principal), { verb, object: { kind: 'key', id, name: id }, after }),
  );
}

async function viewKeys(deps: ApiDependencies): Promise<KeyView[]> {
  const keys = await listKeys(deps.db, deps.keys);
  return Promise.all(
    keys.map(async key => {
      const runs = key.retiredAt ? await deps.engine.countRunsBefore(key.retiredAt) : null;
      const reason = explain(key, runs);
      return {
        id: key.id,
        seals: key.seals,
        since: key.since?.toISOString() ?? null,
        retiredAt: key.retiredAt?.toISOString() ?? null,
        secrets: key.secrets,
        runs,
        mayGo: reason === null,
        reason: reason ?? 'Nothing needs it any more but copies of the database from before.',
      };
    }),
  );
}

/** Null when it may go. */
function explain(key: KeyState, runs: number | null): string | null {
  if (key.seals) return 'It seals.';
  if (key.id === unnamed) return `${key.secrets} secrets do not say which key they need. Run: ./aegir keys reseal`;
  if (key.secrets > 0) return `${key.secrets} stored secrets are sealed with it. Run: ./aegir keys reseal`;
  if (key.since === null) return 'It has not sealed yet: it was put behind the first one to become that later.';
  if (runs === null) return 'It sealed before. Run, when every process has the new one: ./aegir keys reseal';
  if (runs > 0)
    return `${runs} runs that began before it was retired are still in the engine, which keeps a run for 30 days after its end.`;
  return null;
}
