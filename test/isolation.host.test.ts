// Two Environments of one Release on one Server: what the code of one can try, it tries here, by all ways in which it runs,
// and finds nothing of the other. The same with real applications: neighbours.host.test.ts.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commitFiles } from './git-server.ts';
import { type SiteHost, startSiteHost } from './site-host.ts';
import { canRunHosts } from './test-host.ts';
import {
  connectTo,
  everyWay,
  expectOwnOnly,
  expectUnseen,
  folderOf,
  looksOf,
  type OpenSite,
  openPhp,
  plantSecret,
  readInPhp,
  readsOf,
  runOn,
  secretOf,
} from './trespass.ts';

const reason = canRunHosts();
const names = ['alpha', 'beta'];
const victim = folderOf('beta');
const secret = secretOf('beta');

const reads = {
  ...readsOf(names),
  'their files by a link of the code': `cat ${names.map(name => `${folderOf(name)}/current/web/uploads/mine.txt`).join(' ')}`,
};

/** What would change its own code or settings. */
const changes = [
  'echo changed >>current/web/index.php',
  'rm current/web/index.php',
  'chmod u+w current/web/index.php',
  'mv current/web current/away',
  'ln -sfn /tmp current',
  'echo changed >settings/new.php',
  'rm settings/site.php',
  'echo changed >settings/php/zz.ini',
  'echo changed >bin/sh',
  'rm bin/php',
  'echo changed >>run',
  'mv run gone',
  'mv settings gone',
];

describe.skipIf(reason !== null)(`Environments side by side${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let site: SiteHost;
  let hash: string;

  beforeAll(async () => {
    site = await startSiteHost('apart');
    await site.play('prepare_web_server', { php_versions: ['8.2'] }, { facts: true });
    hash = await commitFiles(join(site.repositories, 'app'), { 'web/index.php': openPhp });
    const code = await site.play('deploy_release', { repository: `${site.git.url}/app`, hash, project_name: 'app' });
    for (const name of names) await install(name, code.outputs.path);
    for (const { name, shell } of sites) {
      await plantSecret(site.host, name);
      // Its service has temporary files of its own.
      await shell(`echo ${secretOf(name)} >/tmp/page.txt`);
      await site.ask(`${name}.test`, `/only-of-${name}`);
    }
  }, 1_800_000);

  afterAll(() => site?.stop());

  async function install(name: string, release_path: unknown): Promise<void> {
    const { outputs } = await site.play('prepare_environment', { environment_name: name });
    const environment = {
      ...{ environment_name: name, environment_path: outputs.path, environment_user: outputs.user },
    };
    const { php } = (await site.play('run_php', { ...environment, kind: 'development' })).outputs;
    const tree = { docroot: 'web', files: 'uploads' };
    await site.play('place_release', { ...environment, ...tree, release_path, hash });
    await site.play('switch_release', { environment_path: outputs.path, hash });
    await site.play('write_vhost', { ...environment, ...tree, php, primary_name: `${name}.test` });
  }

  async function shell(command: string): Promise<string> {
    const { code, stdout, stderr } = await site.host.exec(`{ ${command}\n} 2>&1`);
    if (code !== 0) throw new Error(`${command}\n${stdout}${stderr}`);
    return stdout;
  }

  const ask = (name: string, by: 'sh' | 'php', text: string) =>
    site.ask(`${name}.test`, `/index.php?${by}=${encodeURIComponent(text)}`);
  const run = (name: string, command: string) => runOn(site.host, name, command);
  const openSite = (name: string): OpenSite => ({
    name,
    secrets: [secretOf(name)],
    shell: command => ask(name, 'sh', command),
    read: command => ask(name, 'php', readInPhp(command)),
    run: command => run(name, command),
  });
  const sites = names.map(openSite);

  test.each(Object.entries(reads))('who reads %s finds its own only', async (_what, command) => {
    await expectOwnOnly(sites, command);
  });

  test.each(Object.entries(looksOf(names, 'app')))('an Environment does not see %s', async (_what, look) => {
    await expectUnseen(site.host, sites, look);
  });

  test('nobody else connects to the socket of its PHP', async () => {
    const socket = '/run/aegir-beta/php.sock';
    expect(await run('beta', connectTo([socket]))).toBe(`${socket} 0`);
    for (const answer of [await run('alpha', connectTo([socket])), await ask('alpha', 'sh', connectTo([socket]))]) {
      expect(answer.trim()).toMatch(new RegExp(`${socket} 13$`));
    }
    const direct = await ask(
      'alpha',
      'php',
      `@stream_socket_client('unix:///run/aegir-beta/php.sock', $n, $e); echo $e;`,
    );
    expect(direct).toContain('Permission denied');
  });

  test('a link in its files leads nginx nowhere', async () => {
    await run(
      'alpha',
      `cd ${folderOf('alpha')}/files && echo own >own.txt && ln -s ${victim}/files all && ln -s ${victim}/files/mine.txt one
      ln -s ${victim}/settings/site.php code.txt; ln -s ${folderOf('alpha')}/settings/site.php own-code.txt; ln -s / root`,
    );
    expect(await site.ask('alpha.test', '/uploads/own.txt')).toBe('200 own\n');
    expect(await site.ask('beta.test', '/uploads/mine.txt')).toBe(`200 ${secret}\n`);
    for (const path of ['all/mine.txt', 'one', 'code.txt', 'own-code.txt', `root${victim}/files/mine.txt`]) {
      expect(await site.ask('alpha.test', `/uploads/${path}`), path).not.toMatch(/betas-own-secret|<\?php/);
    }
  });

  test('an Environment cannot end the processes of another one, and has no way to root', async () => {
    const pid = (await shell('systemctl show -P MainPID aegir-beta')).trim();
    await everyWay(openSite('alpha'), `kill ${pid}`);
    expect((await shell('systemctl show -P MainPID aegir-beta')).trim()).toBe(pid);
    const status = 'grep -hE "NoNewPrivs|Cap(Eff|Bnd)" /proc/self/status';
    for (const answer of [await ask('alpha', 'sh', status), await run('alpha', status)]) {
      expect(answer.match(/\S+:\s+\S+/g)).toEqual([
        'CapEff:\t0000000000000000',
        'CapBnd:\t0000000000000000',
        'NoNewPrivs:\t1',
      ]);
    }
  });

  test('an Environment cannot change its own code, settings or programs, but its files', async () => {
    const folder = folderOf('alpha');
    const fingerprint = `cd ${folder}; { find releases settings bin run current -printf '%p %y %m %u %g %l\\n'; find releases settings bin run -type f -exec sha256sum {} +; } | sort | sha256sum`;
    const before = await shell(fingerprint);
    for (const change of changes) {
      await ask('alpha', 'sh', `cd ${folder} && ${change}`);
      await run('alpha', `cd ${folder} && ${change}`);
    }
    expect(await shell(fingerprint)).toBe(before);
    const write = `cd ${folder} && for name in files private home tmp; do echo "$0" >$name/new && echo wrote $name; done`;
    for (const answer of [await ask('alpha', 'sh', write), await run('alpha', write)]) {
      expect(answer.match(/wrote \w+/g)).toHaveLength(4);
    }
  });

  test('what stops the PHP of one leaves the other one alone', async () => {
    await shell('systemctl stop aegir-alpha');
    expect(await site.ask('alpha.test', '/index.php')).toMatch(/^50[23]/);
    expect(await ask('beta', 'php', 'echo "still here";')).toBe('200 still here');
    await shell('systemctl start aegir-alpha');
  });
});
