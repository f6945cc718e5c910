// The whole way of static sites on a real Debian with nginx and systemd, by the roles alone.

import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commitFiles } from './git-server.ts';
import { playRole, words } from './play-role.ts';
import { type SiteHost, startSiteHost } from './site-host.ts';
import { canRunHosts } from './test-host.ts';

const reason = canRunHosts();

describe.skipIf(reason !== null)(`static sites on a real host${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let site: SiteHost;
  let hash: string;
  let code: Record<string, string>;

  beforeAll(async () => {
    site = await startSiteHost('static');
    await commitFiles(join(site.repositories, 'menu'), { 'menu.txt': 'of a submodule' });
    const repository = join(site.repositories, 'site');
    await commitFiles(repository, { 'index.html': '<h1>Hello</h1>', 'bin/run': '#!/bin/sh\n', '.env': 'PASSWORD=x' });
    const flags = ['-c', 'protocol.file.allow=always', 'submodule', 'add', `${site.git.url}/menu`, 'menu'];
    await execa('git', flags, { cwd: repository });
    hash = await commitFiles(repository, { '.gitattributes': '*.html text eol=crlf\n' });
    code = { repository: `${site.git.url}/site`, hash, git_ref: 'main', project_name: 'site' };
  }, 240_000);

  afterAll(() => site?.stop());

  async function install(environment_name: string, primary_name: string): Promise<number> {
    const deploy = await site.play('deploy_release', code);
    const verify = await site.play('verify_release', code);
    const place = await site.play('prepare_environment', { environment_name });
    const environment_path = place.outputs.path;
    const run = await site.play('install_static', { environment_path, release_path: deploy.outputs.path, hash });
    const change = await site.play('switch_release', { environment_path, hash });
    const vhost = await site.play('write_vhost', { environment_name, primary_name, environment_path });
    const probe = await site.play('probe_environment', { primary_name, probe_text: 'Hello' });
    return [deploy, verify, place, run, change, vhost, probe].reduce((sum, result) => sum + result.changed, 0);
  }

  const writeVhost = (values: Record<string, unknown>, templates: Record<string, string> = {}) =>
    playRole(
      'write_vhost',
      { environment_path: '/var/lib/aegir/environments/one', ...values },
      { host: site.host, templates },
    );

  test('a prepared server has what is needed, answers 404 to unknown names, and is not changed by a second run', async () => {
    expect((await site.play('prepare_web_server', {}, { facts: true })).changed).toBe(0);
    const { outputs } = await site.play('verify_server', {}, { facts: true });
    expect(outputs).toMatchObject({ unprivileged: false, facts: { missing: [], root: true } });
    expect(await site.ask('unknown.test')).toMatch(/^404/);
  });

  test('a dry run of a deployment says that it would change something, and changes nothing', async () => {
    const dry = await site.play('deploy_release', code, { check: true });
    expect(dry.changed).toBe(1);
    expect((await site.host.exec('ls -A /var/lib/aegir/releases')).stdout).toBe('');
  });

  test('sites answer under their names, and a second run changes nothing', async () => {
    expect(await install('one', 'one.test')).toBeGreaterThan(0);
    expect(await install('two', 'two.test')).toBeGreaterThan(0);
    expect(await site.ask('one.test')).toBe('200 <h1>Hello</h1>');
    expect(await site.ask('two.test', '/menu/menu.txt')).toBe('200 of a submodule');
    expect(await site.ask('one.test', '/.env')).toMatch(/^404/);
    expect(await install('one', 'one.test')).toBe(0);
  }, 240_000);

  test('the code is exactly the commit, read-only, root’s, without git’s own folders, and shared by the sites', async () => {
    const release = `/var/lib/aegir/releases/site-${hash}`;
    const { stdout } = await site.host.exec(
      `cd ${release} && find . -name .git; od -c index.html | grep -c '\\\\r'; stat -c '%U %a %h' index.html bin/run .`,
    );
    expect(stdout.split('\n')).toEqual(['0', 'root 444 3', 'root 555 3', expect.stringMatching(/^root 755/)]);
  });

  test('one Environment cannot read another one', async () => {
    const peek = 'runuser -u aegir-two -- cat /var/lib/aegir/environments/one/current/index.html';
    expect((await site.host.exec(peek)).stderr).toContain('Permission denied');
  });

  test('a Release that was changed on the server is named file by file; wrong modes are put right', async () => {
    const release = `/var/lib/aegir/releases/site-${hash}`;
    await site.host.exec(`chmod 0777 ${release}/bin/run; chown www-data ${release}/index.html`);
    const repaired = await site.play('verify_release', code);
    expect(repaired.changed).toBe(1);
    expect((await site.play('verify_release', code)).changed).toBe(0);
    await site.host.exec(
      `cd ${release} && cp index.html /tmp/kept && echo HELLO >index.html && touch new.txt && rm .env`,
    );
    const spoiled = await playRole('verify_release', code, { host: site.host });
    expect(words(spoiled)).toContain('missing: .env; changed: index.html; not of the commit: new.txt');
    await site.host.exec(`cd ${release} && cat /tmp/kept >index.html && rm new.txt && printf PASSWORD=x >.env`);
    expect((await site.play('verify_release', code)).outputs).toMatchObject({ files: expect.any(Number) });
  });

  test('an override that nginx refuses is taken back with nginx’s words, and other sites go on', async () => {
    const templates = { 'vhost.conf.j2': 'server { listen 80; server_name {{ primary_name }}; no_such_directive; }\n' };
    const fresh = await writeVhost({ environment_name: 'three', primary_name: 'three.test' }, templates);
    expect(words(fresh)).toContain('unknown directive "no_such_directive"');
    const former = await writeVhost({ environment_name: 'one', primary_name: 'one.test' }, templates);
    expect(words(former)).toContain('The former file is back');
    expect((await site.host.exec('cd /etc/nginx/aegir.d; ls *.conf')).stdout).toBe('_http.conf\none.conf\ntwo.conf');
    expect((await site.host.exec('nginx -t')).code).toBe(0);
    expect(await site.ask('one.test')).toBe('200 <h1>Hello</h1>');
    expect(await site.ask('two.test')).toBe('200 <h1>Hello</h1>');
  });

  test('a name of another site of this Server is refused, and the message says whose it is', async () => {
    const alias = await writeVhost({ environment_name: 'three', primary_name: 'three.test', aliases: ['two.test'] });
    expect(words(alias)).toContain('another site has the name two.test (of the Environment two)');
    await site.host.exec('echo "server { listen 80; server_name four.test; }" >/etc/nginx/conf.d/own.conf');
    const own = await writeVhost({ environment_name: 'four', primary_name: 'four.test' });
    expect(words(own)).toContain('conflicting server name "four.test"');
    await site.host.exec('rm /etc/nginx/conf.d/own.conf');
    expect((await site.host.exec('cd /etc/nginx/aegir.d; ls *.conf')).stdout).toBe('_http.conf\none.conf\ntwo.conf');
  });

  test('what a run that was killed between writing and testing left is undone by the next one', async () => {
    const folder = '/etc/nginx/aegir.d';
    await site.host.exec(`echo broken >${folder}/five.conf; touch ${folder}/.five.conf.aegir-fresh`);
    await site.host.exec(`cd ${folder}; mv two.conf .two.conf.aegir-former; echo broken >two.conf`);
    await site.play('write_vhost', {
      environment_name: 'one',
      primary_name: 'one.test',
      environment_path: '/var/lib/aegir/environments/one',
    });
    expect((await site.host.exec(`cd ${folder}; ls *.conf .[a-z]*; nginx -t`)).stdout.split('\n').sort()).toEqual([
      '.lock',
      '_http.conf',
      'one.conf',
      'two.conf',
    ]);
    expect(await site.ask('two.test')).toBe('200 <h1>Hello</h1>');
  });

  test('what cannot be fetched says why, and leaves nothing', async () => {
    const attempt = async (values: Record<string, unknown>) =>
      words(await playRole('deploy_release', { ...code, project_name: 'other', ...values }, { host: site.host }));
    expect(await attempt({ hash: 'f'.repeat(40) })).toContain('The repository has no commit ffff');
    expect(await attempt({ repository: `${site.git.url}/private/site` })).toContain('asks for a password or key');
    expect(await attempt({ repository: `${site.git.url}/nothing` })).toContain(
      'There is no repository at this address',
    );
    expect(await attempt({ repository: 'http://no-such-host.invalid/x' })).toContain(
      'host of the repository is not known',
    );
    await commitFiles(join(site.repositories, 'links'), { a: 'b' });
    await execa('ln', ['-s', '/etc/passwd', 'out'], { cwd: join(site.repositories, 'links') });
    const linked = await commitFiles(join(site.repositories, 'links'), {});
    expect(await attempt({ repository: `${site.git.url}/links`, hash: linked })).toContain('out -> /etc/passwd');
    expect((await site.host.exec('ls -A /var/lib/aegir/releases')).stdout).not.toContain('other');
  }, 240_000);

  test('a half-made folder of a killed run is not taken for the Release, and is removed', async () => {
    const releases = '/var/lib/aegir/releases';
    const next = await commitFiles(join(site.repositories, 'site'), { 'index.html': '<h1>Hello again</h1>' });
    await site.host.exec(
      `mkdir -p ${releases}/.partial-old ${releases}/site-${next}/half; touch -d '3 hours ago' ${releases}/.partial-old`,
    );
    await site.play('deploy_release', { ...code, hash: next });
    await site.play('verify_release', { ...code, hash: next });
    expect((await site.host.exec(`ls -A ${releases}`)).stdout).not.toContain('partial');
    await site.play('remove_release', { ...code, hash: next });
  });

  test('a Release in use is not removed; removing the sites leaves nothing behind', async () => {
    const used = await playRole('remove_release', code, { host: site.host });
    expect(words(used)).toContain('in use on this Server by one, two.');
    for (const environment_name of ['one', 'two']) {
      await site.play('remove_vhost', { environment_name });
      await site.play('remove_environment', { environment_name });
    }
    expect((await site.play('remove_release', code)).outputs).toEqual({ path: null });
    expect(await site.ask('one.test')).toMatch(/^404/);
    const left = await site.host.exec(
      'find /var/lib/aegir/releases /var/lib/aegir/environments /etc/nginx/aegir.d /var/log/nginx -mindepth 1; grep aegir /etc/passwd /etc/group',
    );
    expect(left.stdout.split('\n').sort()).toEqual([
      '/etc/nginx/aegir.d/.lock',
      '/etc/nginx/aegir.d/_http.conf',
      '/var/log/nginx/access.log',
      '/var/log/nginx/error.log',
    ]);
    expect((await site.play('remove_environment', { environment_name: 'one' })).changed).toBe(0);
  }, 240_000);
});
