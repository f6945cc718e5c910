// The life of a Drupal site on a Kubernetes cluster. Needs a codebase: AEGIR_TEST_DRUPAL names a git repository with composer.json at
// the root, web/, and vendor with Drush in it.

import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type ClusterFarm, startClusterFarm } from './cluster-farm.ts';
import { commitFiles } from './git-server.ts';
import { canRunClusters } from './test-cluster.ts';
import { createVisitor } from './visitor.ts';

const codebase = process.env.AEGIR_TEST_DRUPAL;
const reason =
  canRunClusters() ?? (codebase ? null : 'AEGIR_TEST_DRUPAL names no git repository with Drupal, Drush and vendor.');
if (reason) console.warn(`Skipped: the life of a Drupal site on Kubernetes. ${reason}`);

/** A cluster, four images and a large repository. */
const setUpMs = 1_800_000;
vi.setConfig({ testTimeout: 1_200_000 });

const title = `Sven's "Shop" {{ 7 * 6 }} $(id)`;
/** As Drupal writes it into its pages. */
const titleInPages = 'Sven&#039;s &quot;Shop&quot; {{ 7 * 6 }} $(id)';

const module = 'web/modules/custom/aegir_trial/aegir_trial';
const info = 'name: Trial\ntype: module\ncore_version_requirement: ">=10"\n';
const hook = (number: number, body: string) => `function aegir_trial_update_${number}() {\n  ${body}\n}\n`;
const fine = hook(10001, `\\Drupal::state()->set('aegir_trial', 'updated');`);
const failing = hook(
  10002,
  `\\Drupal::state()->set('aegir_trial', 'half'); throw new \\Exception('The moon is away');`,
);

describe.skipIf(reason !== null)('a Drupal site on Kubernetes', () => {
  let farm: ClusterFarm;
  const visit = (path: string, name = 'shop') => farm.visit(`http://${name}.example.org${path}`);
  const titleOf = async (name = 'shop') => (await visit('/', name)).body;
  const drush = async (...command: string[]) =>
    (await farm.run('shop', 'run_command', { command: ['/app/vendor/bin/drush', ...command], seconds: 120 })).log;

  beforeAll(async () => {
    farm = await startClusterFarm('drupal');
    const shop = join(farm.repositories, 'shop');
    await execa('git', ['clone', '--quiet', String(codebase), shop]);
    const files = (install: string) => ({ [`${module}.info.yml`]: info, [`${module}.install`]: `<?php\n${install}` });
    await farm.addProject('shop', 'drupal', {
      v1: await commitFiles(shop, files('')),
      v2: await commitFiles(shop, files(fine)),
      broken: await commitFiles(shop, files(fine + failing)),
    });
    await farm.aegir.add('environments', {
      ...{ name: 'shop', release: 'shop/v1', cluster: 'prod', primary_name: 'shop.example.org', kind: 'production' },
    });
  }, setUpMs);
  afterAll(() => farm?.stop());

  test('it is installed by one Operation; no secret of it is in the log', async () => {
    const answers = { site_name: title, admin_name: 'ada', admin_mail: 'ada@example.org', profile: 'minimal' };
    const { log } = await farm.run('shop', 'install_environment', answers);
    expect(await titleOf()).toContain(titleInPages);
    const settings = await farm.inPod('shop', 'cat /srv/site/settings/drupal.secrets.php');
    const secrets = settings.match(/[A-Za-z0-9]{48}/g) ?? [];
    expect(secrets).toHaveLength(2);
    for (const secret of secrets) expect(log).not.toContain(secret);
  });

  test('it says how it is, signs somebody in, runs its cron, clears its caches and is verified', async () => {
    const { status } = await farm.act('shop', 'site_status');
    expect(status).toMatchObject({ application: 'Drupal', installed: true, title, problems: [] });
    const { url } = await farm.act('shop', 'log_in');
    const opened = await createVisitor(farm.cluster.address).get(String(url));
    expect([opened.status, opened.headers['set-cookie']?.join()]).toEqual([302, expect.stringContaining('SESS')]);
    await farm.run('shop', 'run_cron');
    expect((await farm.entity('shop')).cron).toMatchObject({ state: 'ok' });
    await farm.run('shop', 'clear_caches');
    await farm.run('shop', 'verify_environment');
    const hidden = ['core/CHANGELOG.txt', 'sites/default/settings.php', 'core/core.services.yml'];
    for (const path of hidden) expect([path, (await visit(`/${path}`)).status]).toEqual([path, 404]);
  });

  test('an Update runs its hooks; one that fails is undone', async () => {
    const state = async () => await drush('state:get', 'aegir_trial');
    await drush('pm:install', '--yes', 'aegir_trial');
    await farm.run('shop', 'update_environment', { release: 'shop/v2' });
    expect(await state()).toMatch(/^updated$/m);
    expect(await farm.failUpdate('shop', 'shop/broken')).toEqual([expect.stringContaining('The moon is away')]);
    expect([await state(), await titleOf()]).toEqual([
      expect.stringMatching(/^updated$/m),
      expect.stringContaining(titleInPages),
    ]);
  });

  test('it is exported by Drush, and another site is made of the archive', async () => {
    await farm.inPod('shop', 'echo seen >/srv/site/files/x.txt');
    await farm.exportInto('shop', 'again', 'shop/v2');
    expect(await titleOf('again')).toContain(titleInPages);
    expect((await visit('/sites/default/files/x.txt', 'again')).body).toBe('seen\n');
  });

  test('deleting leaves nothing of it', async () => {
    for (const name of ['again', 'shop'])
      await farm.run(name, 'delete_environment', { although_enabled: true, without_backup: true });
    expect(await farm.cluster.kubectl(['get', 'namespaces', '-o', 'name'])).not.toMatch(/aegir-(shop|again)/);
  });
});
