// From a push to the page that visitors get.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PushPage } from '../api/contract-pushes.ts';
import type { Entity } from '../model/entities.ts';
import { type Farm, startFarm } from './farm.ts';
import { type HookSender, pushOf, sendHook } from './git-hook-sender.ts';
import { commitFiles } from './git-server.ts';
import { canRunHosts } from './test-host.ts';

const reason = canRunHosts();
if (reason) console.warn(`Skipped: pushes to sites. ${reason}`);

describe.skipIf(reason !== null)('a push to a branch', () => {
  let farm: Farm;
  let store: string;
  let project: Entity;
  let sender: HookSender;
  const repository = () => join(farm.repositories, 'site');
  const commit = (text: string) => commitFiles(repository(), { 'index.html': text });
  const pushes = async () => (await farm.aegir.call<PushPage>('GET', `/api/projects/${project.id}/pushes`)).body;
  const push = async (hash: string) => {
    const { status, body } = await sendHook(sender, pushOf(sender.repository, 'main', hash));
    expect(status).toBe(202);
    const outcome = async () => (await pushes()).items.find(({ id }) => id === body.id);
    const isOver = async () =>
      !['received', 'looking', 'building', 'updating'].includes((await outcome())?.state ?? '');
    await expect.poll(isOver, { timeout: 300_000, interval: 500 }).toBe(true);
    return outcome();
  };

  beforeAll(async () => {
    farm = await startFarm('psh');
    store = await mkdtemp(join(tmpdir(), 'aegir-store-'));
    await commit('one');
    await farm.make('backup_stores', { name: 'here', type: 'directory', folder: store });
    await farm.addRelease('site', 'static');
    project = (await farm.aegir.call<Entity>('GET', '/api/projects/site')).body;
    for (const [name, follow_branch] of [
      ['live', 'main'],
      ['other', null],
    ]) {
      const place = { cluster: 'farm', primary_name: `${name}.example.org`, backup_store: 'here' };
      await farm.make('environments', { name, release: 'site/v1', follow_branch, ...place });
      await farm.run('environments', String(name), 'install_environment');
    }
    const path = `/api/projects/${project.id}/secrets/webhook_secret`;
    const { secret } = (await farm.aegir.call<{ secret: string }>('POST', path)).body;
    const url = (await pushes()).url.replace(/^https?:\/\/[^/]+/, farm.aegir.url);
    sender = { url, secret, repository: `${farm.git.url}/site` };
  });

  afterAll(async () => {
    await farm?.stop();
    if (store) await rm(store, { recursive: true, force: true });
  });

  test('reaches the site that follows it, and no other', async () => {
    const two = await commit('two');
    expect(await push(two)).toMatchObject({ state: 'done', message: 'live: updated.' });
    expect(await farm.ask('live.example.org')).toContain('two');
    expect(await farm.ask('other.example.org')).toContain('one');
  });

  test('that arrives after a later one takes nothing back', async () => {
    const three = await commit('three');
    const four = await commit('four');
    expect(await push(four)).toMatchObject({ state: 'done', message: 'live: updated.' });
    const late = await push(three);
    expect(late?.state).toBe('done');
    expect(late?.message).toBe(`The branch pointed to ${four.slice(0, 10)} by then. live: It has this commit already.`);
    expect(await farm.ask('live.example.org')).toContain('four');
  });
});
