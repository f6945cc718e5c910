// What “Prepare” and “Verify” do for a web Server with PHP, by the roles alone, on a real Debian.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PlayOptions, playRole, words } from './play-role.ts';
import { canRunHosts, startTestHost, type TestHost } from './test-host.ts';

const reason = canRunHosts();
const values = { php_versions: ['8.2'], packages: ['logrotate'] };

describe.skipIf(reason !== null)(`a web Server with PHP${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let host: TestHost;

  beforeAll(async () => {
    host = await startTestHost('php');
  });

  afterAll(() => host?.stop());

  const prepare = (given: Record<string, unknown>, options: PlayOptions = {}) =>
    playRole('prepare_web_server', given, { host, facts: true, ...options });
  const verify = async (given: Record<string, unknown>) =>
    (await playRole('verify_server', given, { host, facts: true })).outputs.facts;
  const installed = async () => (await host.exec('dpkg-query --show | wc -l')).stdout;

  test('a Server that offers no web is left alone', async () => {
    const before = await installed();
    const none = await prepare({ ...values, web: false, base_path: '' });
    expect([none.code, none.changed, await installed()]).toEqual([0, 0, before]);
  });

  test('what the package sources do not have is all named, with what they have, before anything is installed', async () => {
    const before = await installed();
    const result = await prepare({ php_versions: ['8.2', '8.9'], packages: ['no-such-package', 'logrotate'] });
    expect(words(result)).toContain('do not have PHP 8.9 (they have 8.2: choose of these');
    expect(words(result)).toContain('have no no-such-package: correct the name');
    expect([result.changed, await installed()]).toEqual([0, before]);
  });

  test('a version or package that is none, such as an option, is refused', async () => {
    const result = await prepare({ php_versions: ['8.2; id'], packages: ['-o=x', '{{ 7 * 6 }}'] });
    expect(words(result)).toContain('8.2; id, -o=x, {{ 7 * 6 }}. Nothing was done.');
  });

  test('a dry run on a new machine says what it would do, and installs nothing', async () => {
    const before = await installed();
    const dry = await prepare(values, { check: true });
    expect([dry.code, await installed()]).toEqual([0, before]);
    expect(dry.output).toMatch(/php8\.2-fpm/);
  });

  test('PHP with what Drupal and WordPress need, and composer; a second run changes nothing', async () => {
    expect(words(await prepare(values))).toContain('failed=0');
    const { stdout } = await host.exec(
      'php8.2 -m; composer --version 2>/dev/null; dpkg-query --show logrotate unzip git',
    );
    for (const name of 'gd mysqli pdo_mysql mbstring xml curl zip intl'.split(' ')) expect(stdout).toContain(name);
    expect(stdout).toContain('Zend OPcache');
    expect(stdout).toContain('Composer version');
    expect((await prepare(values)).changed).toBe(0);
    expect((await prepare(values, { check: true })).changed).toBe(0);
  });

  test('the distribution’s own PHP service neither runs nor comes back, also where it ran before', async () => {
    const unit = 'php8.2-fpm.service';
    expect((await host.exec(`systemctl is-enabled ${unit}`)).stdout).toBe('masked');
    await host.exec(`rm /etc/systemd/system/${unit}; systemctl daemon-reload; systemctl enable --now ${unit}`);
    expect((await host.exec(`systemctl is-active ${unit}`)).stdout).toBe('active');
    expect((await prepare(values)).changed).toBe(2);
    expect((await host.exec(`systemctl is-active ${unit}; systemctl is-enabled ${unit}`)).stdout).toBe(
      'inactive\nmasked',
    );
    expect((await host.exec('pgrep -c php-fpm')).stdout).toBe('0');
    expect((await prepare(values)).changed).toBe(0);
  });

  test('nobody but root sees copies of Releases or the names of Environments', async () => {
    const { stdout } = await host.exec('cd /var/lib/aegir && stat -c "%a %U %n" . releases environments');
    expect(stdout.split('\n')).toEqual(['755 root .', '700 root releases', '711 root environments']);
    const peek = await host.exec('runuser -u nobody -- ls /var/lib/aegir/environments');
    expect(peek.stderr).toContain('Permission denied');
  });

  test('verifying lists PHP, names what is missing and hints at mail', async () => {
    expect(await verify({ php_versions: ['8.2'] })).toMatchObject({
      missing: [],
      services: { 'php8.2': expect.stringMatching(/^8\.2\./), nginx: expect.any(String) },
      hints: [expect.stringContaining('/usr/sbin/sendmail')],
    });
    expect(await verify({ php_versions: ['8.2', '8.4'], database: true })).toMatchObject({
      missing: [
        'Not installed: php8.4; run “Prepare” on this Server.',
        expect.stringContaining('MariaDB is not installed'),
      ],
    });
    await host.exec('ln -s /bin/true /usr/sbin/sendmail');
    expect(await verify({ php_versions: ['8.2'] })).toMatchObject({ missing: [], hints: [] });
  });
});
