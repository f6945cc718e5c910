// What an Environment is made of on a real Debian, by the roles alone: its program for commands, its PHP, its tree of the
// Release. What another Environment sees of it is in isolation.host.test.ts.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commitFiles } from './git-server.ts';
import { playRole, words } from './play-role.ts';
import { type SiteHost, startSiteHost } from './site-host.ts';
import { canRunHosts } from './test-host.ts';

const reason = canRunHosts();
const base = '/var/lib/aegir';
const home = `${base}/environments/shop`;
const odd = ['a b', '"c"', "d'", '$HOME', '`id`', '', '*', '-n', '\\'];

const composer = JSON.stringify({
  name: 'test/app',
  autoload: { files: ['web/start.php'] },
  scripts: { 'post-autoload-dump': ['id -un >made-by', 'cp made-by program', 'chmod 4755 program'] },
});
const code = {
  'web/index.php': '<?php echo "page by ", get_current_user();',
  'web/start.php': '<?php',
  'web/uploads/first.txt': 'of the repository\n',
};

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

describe.skipIf(reason !== null)(`an Environment on a real host${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let site: SiteHost;
  let hashes: string[];
  const environment = { environment_name: 'shop', environment_path: home, environment_user: 'aegir-shop' };
  const runPhp = { ...environment, php_versions: ['8.2'], kind: 'staging' };

  beforeAll(async () => {
    site = await startSiteHost('enviro');
    await site.play('prepare_web_server', { php_versions: ['8.2'] }, { facts: true });
    const repository = join(site.repositories, 'app');
    hashes = [
      await commitFiles(repository, code),
      await commitFiles(repository, { 'composer.json': composer }),
      await commitFiles(repository, { 'web/index.php': '<?php echo "newest";' }),
    ];
    for (const hash of hashes) await site.play('deploy_release', release(hash));
    await site.play('prepare_environment', { environment_name: 'shop' });
  }, 1_800_000);

  afterAll(() => site?.stop());

  const release = (hash: string) => ({ repository: `${site.git.url}/app`, hash, project_name: 'app' });
  const tree = (hash = '') => ({
    ...{ ...environment, hash, release_path: `${base}/releases/app-${hash}`, docroot: 'web', files: 'uploads' },
  });
  const change = (hash = '') => ({ environment_path: home, hash });
  const run = (command: string, folder = home) => site.host.exec(`cd ${folder} && ${home}/run ${command}`);
  const attempt = async (role: string, values: Record<string, unknown>, templates?: Record<string, string>) => {
    const result = await playRole(role, values, { host: site.host, ...(templates && { templates }) });
    expect(result.code).not.toBe(0);
    return words(result);
  };

  test('its folders belong to root, but for those in which the site writes', async () => {
    const { stdout } = await site.host.exec(`cd ${home} && stat -c '%n %U %G %a' . .. *`);
    expect(stdout.split('\n')).toEqual([
      ...['. root aegir-shop 750', '.. root root 711', 'bin root root 755', 'files aegir-shop aegir-shop 750'],
      ...['home aegir-shop aegir-shop 700', 'private aegir-shop aegir-shop 700', 'releases root root 755'],
      ...['run root root 755', 'settings root aegir-shop 750', 'tmp aegir-shop aegir-shop 700'],
    ]);
    expect((await site.play('prepare_environment', { environment_name: 'shop' })).changed).toBe(0);
  });

  test('its program runs a command as its user, in the same folder, with every character and the exit code kept', async () => {
    await site.host.exec(`printf 'SECRET=x $y "z"\\nnot a variable\\n' >${home}/settings/environment`);
    const shown = await run(`printf '<%s>' ${odd.map(quote).join(' ')}`);
    expect(shown.stdout).toBe(odd.map(word => `<${word}>`).join(''));
    const { stdout } = await run(
      'sh -c \'id -un; pwd; echo "$SECRET|$HOME|$FOREIGN"; cat; exit 7\' <<<input',
      '/usr/share',
    );
    expect(stdout.split('\n')).toEqual(['aegir-shop', '/usr/share', `x $y "z"|${home}/home|`, 'input']);
    expect((await run("sh -c 'exit 7'")).code).toBe(7);
    expect((await run("sh -c 'kill -9 $$'")).code).toBe(137);
    expect((await run('no-such-program')).code).toBe(127);
    expect((await site.host.exec(`runuser -u www-data -- ${home}/run id`)).code).not.toBe(0);
    await site.host.exec(`rm ${home}/settings/environment`);
  });

  test('what a command left running ends with it', async () => {
    await run("sh -c 'sleep 4321 & setsid sleep 4321 & exit 0'");
    expect((await site.host.exec('pgrep -x sleep')).stdout).toBe('');
  });

  test('PHP runs as its user, with limits, and is not touched by a second run', async () => {
    const first = await site.play('run_php', runPhp);
    expect(first.outputs).toEqual({ php: '/usr/bin/php8.2', socket: '/run/aegir-shop/php.sock' });
    const show = 'systemctl show -P MainPID aegir-shop';
    const before = (await site.host.exec(show)).stdout;
    expect((await site.play('run_php', runPhp)).changed).toBe(0);
    expect((await site.play('run_php', runPhp, { check: true })).changed).toBe(0);
    expect((await site.host.exec(show)).stdout).toBe(before);
    expect((await site.host.exec('systemctl is-enabled aegir-shop')).stdout).toBe('enabled');
    const status = await site.host.exec(`ps -o user= -p ${before}; grep -E 'CapBnd|NoNewPrivs' /proc/${before}/status`);
    expect(status.stdout.split(/\s+/)).toEqual(['aegir-shop', 'CapBnd:', '0000000000000000', 'NoNewPrivs:', '1']);
    const limits = await site.host.exec('systemctl show -P MemoryMax -P TasksMax aegir-shop');
    expect(limits.stdout).toMatch(/^\d+\s+\d+$/);
  });

  test('a larger upload is a reload, which keeps the process; both PHPs know it', async () => {
    const pid = (await site.host.exec('systemctl show -P MainPID aegir-shop')).stdout;
    expect((await site.play('run_php', { ...runPhp, upload_mb: 99 })).changed).toBe(1);
    expect((await site.host.exec('systemctl show -P MainPID aegir-shop')).stdout).toBe(pid);
    expect((await run('php -r \'echo ini_get("upload_max_filesize");\'')).stdout).toBe('99M');
    await site.play('run_php', runPhp);
  });

  test('a version that is not there is named, and so is what there is', async () => {
    const said = await attempt('run_php', { ...runPhp, php_version: '8.9' });
    expect(said).toContain('PHP 8.9 is not installed on this Server. There is 8.2: choose one of these');
  });

  test('an override that PHP refuses changes nothing, and one with which it does not start is taken back', async () => {
    const sums = `cd ${home} && sha256sum settings/php-fpm.conf settings/php/aegir.ini /etc/systemd/system/aegir-shop.service`;
    const before = (await site.host.exec(sums)).stdout;
    const pid = (await site.host.exec('systemctl show -P MainPID aegir-shop')).stdout;
    expect(await attempt('run_php', runPhp, { 'php-fpm.conf.j2': '[shop]\nno_such = 1\n' })).toContain("'no_such'");
    expect(await attempt('run_php', runPhp, { 'aegir.ini.j2': 'memory_limit = ((\n' })).toContain('syntax error');
    expect((await site.host.exec('systemctl show -P MainPID aegir-shop')).stdout).toBe(pid);
    const unit = '[Service]\nType=exec\nExecStart=/bin/sh -c "echo cannot go on; exit 1"\n';
    const said = await attempt('run_php', runPhp, { 'php.service.j2': unit });
    expect(said).toMatch(/The former configuration is back and runs\. PHP does not come up.*cannot go on/);
    expect((await site.host.exec(sums)).stdout).toBe(before);
    expect((await site.host.exec('systemctl is-active aegir-shop')).stdout).toBe('active');
    expect((await site.play('run_php', runPhp)).changed).toBe(1);
    expect((await site.play('run_php', runPhp)).changed).toBe(0);
  });

  test('mail is kept, thrown away or given to the mail server of the machine, as is set', async () => {
    const send = 'php -r \'var_dump(mail("a@example.org", "Subject", "Text"));\'';
    expect((await run(send)).stdout).toBe('bool(true)');
    expect((await site.host.exec(`cat ${home}/private/mail/*.eml`)).stdout).toMatch(/To: a@example.org[\s\S]*Text/);
    await site.play('run_php', { ...runPhp, mail: 'discard' });
    expect((await run(send)).stdout).toBe('bool(true)');
    expect((await site.host.exec(`ls ${home}/private/mail | wc -l`)).stdout).toBe('1');
    await site.play('run_php', { ...runPhp, kind: 'production' });
    expect((await run(`${send} 2>&1`)).stdout).toContain('The mail server of this machine (127.0.0.1, port 25)');
    await site.host.exec(`systemd-run --unit sink python3 -u -c ${quote(mailSink)}`);
    const taken =
      await site.host.exec(`for n in $(seq 50); do ss -ltn | grep -q :25 && break; sleep 0.1; done; cd ${home};
      ./run ${send}; journalctl --unit sink --output cat --no-pager`);
    expect(taken.stdout).toMatch(/bool\(true\)[\s\S]*MAIL FROM:<aegir-shop@[\s\S]*RCPT TO:<a@example.org>[\s\S]*Text/i);
    await site.play('run_php', runPhp);
  });

  test('the site trusts the system’s authorities and that of its database', async () => {
    const ca = '-----BEGIN CERTIFICATE-----\nof the database\n-----END CERTIFICATE-----';
    expect((await site.play('run_php', { ...runPhp, database: { ca } })).changed).toBe(1);
    const files = await site.host.exec(`cd ${home}/settings && cat database-ca.pem && tail -3 ca.pem && wc -l <ca.pem`);
    expect(files.stdout.startsWith(`${ca}\n${ca}\n`)).toBe(true);
    expect(Number(files.stdout.split('\n').at(-1))).toBeGreaterThan(1000);
  });

  test('the code is a tree of its own, root’s, without further disk, and its committed uploads are the first files', async () => {
    const [hash = ''] = hashes;
    expect((await site.play('place_release', tree(hash))).outputs).toEqual({ code_path: `${home}/releases/${hash}` });
    const { stdout } = await site.host.exec(
      `cd ${home}/releases/${hash}/web && stat -c '%n %U %h' index.php uploads && readlink uploads && cat uploads/first.txt && stat -c '%U %a' uploads/first.txt`,
    );
    expect(stdout.split('\n')).toEqual([
      ...['index.php root 2', 'uploads aegir-shop 1', `${home}/files`, 'of the repository', 'aegir-shop 640'],
    ]);
    await site.host.exec(`rm ${home}/files/first.txt; echo mine >${home}/files/mine.txt`);
    expect((await site.play('place_release', tree(hash))).changed).toBe(0);
    expect((await site.host.exec(`ls ${base}/releases/app-${hash}/web/uploads ${home}/files`)).stdout).toContain(
      'first.txt',
    );
    expect((await site.host.exec(`ls ${home}/files`)).stdout).toBe('mine.txt');
  });

  test('Composer runs as the site’s user in a copy, which is root’s afterwards and has no program with rights', async () => {
    const hash = hashes[1];
    await site.play('place_release', tree(hash));
    const { stdout } = await site.host.exec(
      `cd ${home}/releases/${hash} && cat made-by && ls vendor/autoload.php && find . ! -user root ! -name uploads && find . -perm /6000 && find . -perm /022 ! -type l; ls ${home}/releases ${home}/files`,
    );
    expect(stdout.split('\n')).toEqual([
      ...['aegir-shop', 'vendor/autoload.php', `${home}/files:`, 'mine.txt', '', `${home}/releases:`],
      ...[hashes[0], hash].flatMap(name => [name, `${name}.placed`]).sort(),
    ]);
  });

  test('a Composer that fails, and links that lead out, say so and leave nothing', async () => {
    const repository = join(site.repositories, 'bad');
    const failing = JSON.stringify({
      require: { 'no-such/package': '1.0' },
      repositories: [{ 'packagist.org': false }],
    });
    const bad = await commitFiles(repository, { 'composer.json': failing, 'web/index.php': '' });
    await site.play('deploy_release', { ...release(bad), repository: `${site.git.url}/bad` });
    const said = await attempt('place_release', tree(bad));
    expect(said).toMatch(/composer ended with code \d+: .*Nothing of it was left, and what ran before goes on\./);
    await site.host.exec(
      `cd ${base}/releases/app-${bad} && rm composer.json && ln -s deep/../../.. out && ln -s . deep`,
    );
    expect(await attempt('place_release', tree(bad))).toContain('links that lead out of it: out -> deep/../../..');
    expect((await site.host.exec(`ls ${home}/releases | grep ${bad}`)).stdout).toBe('');
  });

  test('half a tree of a killed run counts for nothing', async () => {
    const hash = hashes[2];
    await site.host.exec(`mkdir -p ${home}/releases/${hash}/web ${home}/releases/${hash}.build/x`);
    await site.play('place_release', tree(hash));
    const { stdout } = await site.host.exec(`cat ${home}/releases/${hash}/web/index.php; ls ${home}/releases`);
    expect(stdout).toContain('newest');
    expect(stdout).not.toContain('.build');
  });

  test('a switch names what ran before, keeps it, and removes what is older; a second one changes nothing', async () => {
    const seen: unknown[] = [];
    for (const hash of hashes) {
      await site.play('place_release', tree(hash));
      seen.push((await site.play('switch_release', change(hash))).outputs.previous_hash);
    }
    expect(seen).toEqual(['', hashes[0], hashes[1]]);
    const again = await site.play('switch_release', change(hashes[2]));
    expect([again.changed, again.outputs.previous_hash]).toEqual([0, hashes[1]]);
    const { stdout } = await site.host.exec(`readlink ${home}/current; ls -d ${home}/releases/*/`);
    expect(stdout.split('\n')).toEqual([
      `releases/${hashes[2]}`,
      ...[hashes[1], hashes[2]].map(hash => `${home}/releases/${hash}/`).sort(),
    ]);
    expect(await attempt('switch_release', change(hashes[0]))).toContain('was not placed');
  });

  test('a command of an engineer is run in the code, word for word, and its exit code is kept', async () => {
    const command = (values: Record<string, unknown>) => ({ environment_path: home, ...values });
    const shown = await site.play(
      'run_command',
      command({ command: ['php', '-r', 'exit(count($argv) - 3);', '--', ...odd.slice(0, 2)] }),
    );
    expect(shown.outputs).toEqual({ exit_code: 0 });
    expect(
      await attempt('run_command', command({ command: ['sh', '-c', 'cat index.php; exit 4'], chdir: 'web' })),
    ).toContain('The command ended with code 4. <?php echo "newest";');
    expect(await attempt('run_command', command({ command: ['sleep', '4322'], seconds: 1 }))).toContain(
      'The command was ended after 1 seconds.',
    );
    expect((await site.host.exec('pgrep -x sleep')).stdout).toBe('');
  });

  test('removing ends what runs and leaves nothing; a second run changes nothing', async () => {
    await site.host.exec(`systemd-run --collect --unit still ${home}/run sleep 4323`);
    await site.play('remove_environment', { environment_name: 'shop' });
    // systemd may remember the name of a unit that is gone, as "not-found".
    const left = await site.host.exec(
      '{ find / -xdev -name "*aegir-sho[p]*"; ls -A /run /var/lib/aegir/environments; cat /etc/passwd /etc/group; systemctl list-units --all | grep -v not-found; ps ax; } | grep -E "sho[p]|432[3]"; getent group www-data; id www-data',
    );
    expect(left.stdout).not.toMatch(/shop|4323/);
    expect((await site.play('remove_environment', { environment_name: 'shop' })).changed).toBe(0);
  });
});

/** Takes one message and prints it. */
const mailSink = `import socket
server = socket.create_server(('127.0.0.1', 25))
while True:
    client = server.accept()[0]; file = client.makefile('rwb')
    say = lambda text: (file.write(text + b'\\r\\n'), file.flush())
    say(b'220 sink')
    for line in file:
        print(line.decode().rstrip(), flush=True)
        word = line[:4].upper()
        if word == b'DATA':
            say(b'354 go on')
            for text in file:
                print(text.decode().rstrip(), flush=True)
                if text == b'.\\r\\n': break
        say(b'221 bye' if word == b'QUIT' else b'250 ok')
        if word == b'QUIT': break
    client.close()
`;
