// The life of a WordPress site on a Kubernetes cluster: its image is built of the repository, and the roles of Servers look after it
// in pods, by the PHP of that image.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type ClusterFarm, startClusterFarm } from './cluster-farm.ts';
import { commitFiles } from './git-server.ts';
import { canRunClusters } from './test-cluster.ts';
import { canRunHosts } from './test-host.ts';
import { createVisitor } from './visitor.ts';
import { makeWordPressRepository } from './wordpress-repository.ts';

const reason = canRunClusters() ?? canRunHosts();
if (reason) console.warn(`Skipped: the life of a WordPress site on Kubernetes. ${reason}`);

/** A cluster, four images and a repository; on a loaded machine that takes many minutes. */
const setUpMs = 1_800_000;
// An Update that is undone took five minutes at a load of 13.
vi.setConfig({ testTimeout: 1_200_000 });

const title = `Sven's "Blog" {{ 7 * 6 }} $(id)`;
/** As WordPress writes it into its pages. */
const titleInPages = 'Sven&#039;s &quot;Blog&quot; {{ 7 * 6 }} $(id)';

const pluginFile = 'wp-content/plugins/notes/notes.php';
/** It notes its version when it is loaded. @param onUpdate PHP that is run before */
const plugin = (version: string, onUpdate = '') => `<?php
/* Plugin Name: Notes
   Version: ${version}
*/
add_action('aegir_test', static fn () => update_option('notes_ran', 'yes'));
add_action('plugins_loaded', static function () {
    if (get_option('notes_version') === '${version}') return;
    ${onUpdate}
    update_option('notes_version', '${version}');
});
`;

describe.skipIf(reason !== null)('a WordPress site on Kubernetes', () => {
  let farm: ClusterFarm;
  const visit = (path: string, name = 'blog') => farm.visit(`http://${name}.example.org${path}`);
  const titleOf = async (name = 'blog') => /<title>(.*)<\/title>/.exec((await visit('/', name)).body)?.[1];
  const option = (name: string) =>
    farm.sql('blog', `SELECT option_value FROM wp_options WHERE option_name = '${name}'`);

  beforeAll(async () => {
    farm = await startClusterFarm('wp');
    const blog = join(farm.repositories, 'blog');
    await makeWordPressRepository(blog);
    await farm.addProject('blog', 'wordpress', {
      v1: await commitFiles(blog, { [pluginFile]: plugin('1.0') }),
      v2: await commitFiles(blog, { [pluginFile]: plugin('2.0') }),
      broken: await commitFiles(blog, { [pluginFile]: plugin('3.0', `throw new Exception('no moon');`) }),
    });
    await farm.aegir.add('environments', {
      ...{ name: 'blog', release: 'blog/v1', cluster: 'prod', primary_name: 'blog.example.org', kind: 'production' },
    });
  }, setUpMs);
  afterAll(() => farm?.stop());

  test('it is installed by one Operation; no secret of it is in the log', async () => {
    const answers = { site_name: title, admin_name: 'ada', admin_mail: 'ada@example.org' };
    const { log } = await farm.run('blog', 'install_environment', answers);
    expect(await titleOf()).toBe(titleInPages);
    const settings = await farm.inPod('blog', 'cat /srv/site/settings/wordpress.secrets.php');
    const secrets = settings.match(/[A-Za-z0-9]{48}/g) ?? [];
    expect(secrets).toHaveLength(2);
    for (const secret of secrets) expect(log).not.toContain(secret);
  });

  test('files that tell or run something are answered to nobody; uploads are shown and never run', async () => {
    await farm.inPod('blog', 'echo "<?php echo 6 * 7;" >/srv/site/files/x.php; echo seen >/srv/site/files/x.txt');
    expect((await visit('/wp-content/uploads/x.txt')).body).toBe('seen\n');
    const hidden = ['wp-config.php', 'wp-cron.php', 'wp-admin/install.php', 'readme.html', 'wp-content/uploads/x.php'];
    for (const path of hidden) expect([path, (await visit(`/${path}`)).status]).toEqual([path, 404]);
    expect((await visit('/wp-login.php')).status).toBe(200);
  });

  test('it says how it is, and signs somebody in once', async () => {
    const { status } = await farm.act('blog', 'site_status');
    expect(status).toMatchObject({ application: 'WordPress', installed: true, title, administrators: 1, problems: [] });
    const { url } = await farm.act('blog', 'log_in');
    const visitor = createVisitor(farm.cluster.address);
    const opened = await visitor.get(String(url));
    expect([opened.status, opened.headers.location]).toEqual([302, 'http://blog.example.org/wp-admin/']);
    expect((await visitor.get('http://blog.example.org/wp-admin/')).body).toContain('id="wpadminbar"');
    expect((await farm.visit(String(url))).status).toBe(410);
  });

  test('its cron runs, its caches are cleared, it is verified, and commands run in its image', async () => {
    await farm.sql(
      'blog',
      `UPDATE wp_options SET option_value = 'a:1:{i:0;s:15:"notes/notes.php";}' WHERE option_name = 'active_plugins'`,
    );
    const schedule = `require '/app/wp-load.php'; wp_schedule_single_event(time() - 1, 'aegir_test');`;
    await farm.run('blog', 'run_command', { command: ['php', '-r', schedule], seconds: 60 });
    expect((await farm.run('blog', 'run_cron')).log).toMatch(/^aegir_test$/m);
    expect(await option('notes_ran')).toBe('yes');
    expect((await farm.entity('blog')).cron).toMatchObject({ state: 'ok' });
    // A pod has no mail server, and says so.
    const mail = ['php', '-r', `exit(mail('ada@example.org', 'Hello', 'text') ? 0 : 3);`];
    const sent = await farm.start('blog', 'run_command', { command: mail, seconds: 60 });
    expect([sent.state, sent.log]).toEqual(['failed', expect.stringContaining('have the site send by SMTP')]);
    await farm.run('blog', 'clear_caches');
    await farm.run('blog', 'verify_environment');
  });

  test('an Update brings its plugin along; one that fails is undone, and an older Release is refused', async () => {
    expect(await option('notes_version')).toBe('1.0');
    await farm.run('blog', 'update_environment', { release: 'blog/v2' });
    expect(await option('notes_version')).toBe('2.0');
    expect(await farm.failUpdate('blog', 'blog/broken')).toEqual([expect.stringContaining('no moon')]);
    expect([await option('notes_version'), await titleOf()]).toEqual(['2.0', titleInPages]);
    const refused = await farm.start('blog', 'update_environment', { release: 'blog/v1' });
    expect([refused.state, refused.message]).toEqual(['failed', expect.stringContaining('The plugin notes')]);
  });

  test('a clone has addresses of its own in its content, and what it was made of is not touched', async () => {
    const clone = { name: 'copy', kind: 'staging', primary_name: 'copy.example.org' };
    await farm.run('blog', 'clone_environment', clone);
    expect(await titleOf('copy')).toBe(titleInPages);
    const mail = ['php', '-r', `exit(mail('ada@example.org', 'Hello', 'text') ? 0 : 3);`];
    await farm.run('copy', 'run_command', { command: mail, seconds: 60 });
    expect(await farm.inPod('copy', 'cat /srv/site/private/mail/*.eml')).toContain('Subject: Hello');
    const named = `SELECT COUNT(*) FROM wp_posts WHERE post_content LIKE '%blog.example.org%'`;
    expect([await farm.sql('copy', named), Number(await farm.sql('blog', named)) > 0]).toEqual(['0', true]);
    await farm.run('copy', 'delete_environment', { although_enabled: true, without_backup: true });
  });

  test('it is exported, and another site is made of the archive', async () => {
    expect(await farm.exportInto('blog', 'again', 'blog/v2')).toContain('code');
    expect(await titleOf('again')).toBe(titleInPages);
    expect((await visit('/wp-content/uploads/x.txt', 'again')).body).toBe('seen\n');
    await farm.run('again', 'delete_environment', { although_enabled: true, without_backup: true });
  });

  test('deleting leaves nothing of it', async () => {
    await farm.run('blog', 'delete_environment', { although_enabled: true, without_backup: true });
    expect(await farm.cluster.kubectl(['get', 'namespaces', '-o', 'name'])).not.toContain('aegir-blog');
  });
});
