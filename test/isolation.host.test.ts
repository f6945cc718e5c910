// Two Environments of one Release on one Server: what the code of one can try, it tries here, by all ways in which it runs,
// and finds nothing of the other. Each attempt is made by the other one, too, where it must succeed: it could find something.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commitFiles } from './git-server.ts';
import { type SiteHost, startSiteHost } from './site-host.ts';
import { canRunHosts } from './test-host.ts';

const reason = canRunHosts();
const base = '/var/lib/aegir';
const folderOf = (name: string) => `${base}/environments/${name}`;
const victim = folderOf('beta');
const secret = 'betas-own-secret';

/** The site does whatever a visitor says: worse than any hole. */
const index = `<?php
header('content-type: text/plain');
if (isset($_GET['sh'])) passthru($_GET['sh'] . ' 2>&1');
if (isset($_GET['php'])) eval($_GET['php']);
`;

/** Places in which beta has its secret, and how somebody would look there. */
const reads: Record<string, string> = {
  'its files': `cat ${victim}/files/mine.txt`,
  'its files by a link of the code': `cat ${victim}/current/web/uploads/mine.txt`,
  'its private files': `cat ${victim}/private/mine.txt`,
  'its home': `cat ${victim}/home/mine.txt`,
  'its settings with the password of its database': `cat ${victim}/settings/site.php`,
  'its variables': `cat ${victim}/settings/environment`,
  'its copy of the code': `cat ${victim}/current/web/betas-own-secret.txt`,
  'what its commands are called with, and their variables': 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ',
  'its temporary files': 'find /tmp /var/tmp /dev/shm -type f -exec cat {} +',
};

/** What it may not even know of. */
const looks: Record<string, { command: string; shows: string }> = {
  'what runs on the Server': { command: 'ps axww', shows: 'php-fpm: master process (/var/lib/aegir/environments/beta' },
  'what its service runs, by systemd': {
    command: `busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager GetUnitProcesses s aegir-beta.service`,
    shows: 'php-fpm: master process (/var/lib/aegir/environments/beta',
  },
  'the Environments of the Server': { command: `ls ${base}/environments`, shows: 'beta' },
  'the Server’s copies of Releases': { command: `ls ${base}/releases`, shows: 'app-' },
  'its journal': { command: 'journalctl --no-pager', shows: 'php-beta' },
  'its log of visitors': { command: 'cat /var/log/nginx/*', shows: 'GET /only-of-beta' },
};

const socket = `php -r '$s = stream_socket_client("unix:///run/aegir-beta/php.sock", $n, $e, 5); echo $s ? "connected" : "refused: $e";'`;

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
    const files = { 'web/index.php': index, 'web/betas-own-secret.txt': `the code has ${secret}` };
    hash = await commitFiles(join(site.repositories, 'app'), files);
    const code = await site.play('deploy_release', { repository: `${site.git.url}/app`, hash, project_name: 'app' });
    for (const name of ['alpha', 'beta']) await install(name, code.outputs.path);
    await shell(
      `cd ${victim}; for folder in files private home tmp; do echo ${secret} >$folder/mine.txt; chown aegir-beta: $folder/mine.txt; done
      echo '<?php $password = "${secret}";' >settings/site.php; echo PASSWORD=${secret} >settings/environment
      chown root:aegir-beta settings/site.php settings/environment; chmod 0640 settings/site.php settings/environment
      cd ${folderOf('alpha')}; echo '<?php // own' >settings/site.php; chown root:aegir-alpha settings/site.php; chmod 0640 settings/site.php
      systemd-run --quiet --unit busy ${victim}/run sh -c 'sleep 3600; : ${secret}'`,
    );
    await site.ask('beta.test', '/only-of-beta');
    // Temporary files of its PHP, too.
    await ask('beta', 'php', `file_put_contents('/tmp/php.txt', '${secret}');`);
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
  const run = async (name: string, command: string) => {
    const { stdout, stderr } = await site.host.exec(
      `cd / && ${folderOf(name)}/run sh -c '${command.replaceAll("'", "'\\''")}'`,
    );
    return stdout + stderr;
  };

  /** By its PHP for visitors, by a shell from there, and by a command of the Environment. */
  async function everyWay(name: string, command: string): Promise<string[]> {
    const code = `foreach (preg_split('/\\s+/', '${command}') as $word) foreach (glob($word) as $path) { echo @file_get_contents($path); print_r(@scandir($path)); }`;
    return [await ask(name, 'sh', command), await ask(name, 'php', code), await run(name, command)];
  }

  test.each(Object.entries(reads))(
    'nobody else reads %s',
    async (_what, command) => {
      // The other Environment finds it by one way at least: its command line and its PHP have temporary files of their own.
      expect((await everyWay('beta', command)).join('\n')).toContain(secret);
      const found = (await everyWay('alpha', command)).join('\n');
      expect(found.replaceAll('betas-own-secret.txt', '')).not.toContain(secret);
    },
    60_000,
  );

  test.each(Object.entries(looks))(
    'an Environment does not see %s',
    async (_what, { command, shows }) => {
      expect(await shell(command)).toContain(shows);
      for (const answer of await everyWay('alpha', command)) {
        expect(answer).not.toContain(shows);
        expect(answer).not.toMatch(/\bbeta$/m);
      }
    },
    60_000,
  );

  test('nobody else connects to the socket of its PHP', async () => {
    expect(await run('beta', socket)).toContain('connected');
    for (const answer of [await run('alpha', socket), await ask('alpha', 'sh', socket)]) {
      expect(answer).toMatch(/refused: Permission denied/);
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
    await everyWay('alpha', `kill ${pid}`);
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
