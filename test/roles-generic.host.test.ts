// Projects with commands and a service of their own, on a real Debian with nginx and systemd.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commitFiles } from './git-server.ts';
import { playRole, words } from './play-role.ts';
import { type SiteHost, startSiteHost } from './site-host.ts';
import { canRunHosts } from './test-host.ts';

const reason = canRunHosts();
const odd = 'a "b" \\c $HOME %n `d`\'e\'';

/** Answers with its arguments, one of its variables, its user and what its build left. */
const serve = `#!/usr/bin/env python3
import http.server, json, os, pwd, sys

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        user = pwd.getpwuid(os.getuid()).pw_name
        names = os.environ.get("SITE_NAMES")
        text = json.dumps([sys.argv[1:], os.environ.get("GREETING"), user, open("built.txt").read(), names])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

http.server.HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Page).serve_forever()
`;

describe.skipIf(reason !== null)(`a service on a real host${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let site: SiteHost;
  let hash: string;
  let values: Record<string, unknown>;

  beforeAll(async () => {
    site = await startSiteHost('generic');
    hash = await commitFiles(join(site.repositories, 'app'), { serve, 'public/index.html': 'built page' });
    const code = await site.play('deploy_release', {
      repository: `${site.git.url}/app`,
      hash,
      project_name: 'app',
    });
    const place = await site.play('prepare_environment', { environment_name: 'app' });
    values = {
      environment_name: 'app',
      environment_path: place.outputs.path,
      environment_user: place.outputs.user,
      release_path: code.outputs.path,
      hash,
      build: ['printf "%s by %s at %s" "$GREETING" "$(id -un)" "$SITE_URL" >built.txt', 'test -s built.txt'],
      service_command: ['./serve', odd, '{{ 7 * 6 }}'],
      service_variables: { GREETING: odd },
    };
  }, 240_000);

  afterAll(() => site?.stop());

  const name = (values: Record<string, unknown>) =>
    site.play('write_generic_settings', { ...common(), primary_name: 'app.test', ...values });
  const common = () => {
    const { environment_name, environment_path, environment_user } = values;
    return { environment_name, environment_path, environment_user };
  };

  async function showSite(): Promise<number> {
    const names = await name({});
    const install = await site.play('install_generic', values);
    const { docroot, upstream_port } = install.outputs;
    const change = await site.play('switch_release', { environment_path: values.environment_path, hash });
    const vhost = await site.play('write_vhost', {
      ...{ environment_name: 'app', primary_name: 'app.test', environment_path: values.environment_path },
      ...{ docroot, upstream_port },
    });
    const probe = await site.play('probe_environment', { primary_name: 'app.test' });
    return names.changed + install.changed + change.changed + vhost.changed + probe.changed;
  }

  test('the project is built and served by its own user, every character of arguments and variables kept', async () => {
    expect(await showSite()).toBeGreaterThan(0);
    const answer = await site.ask('app.test');
    expect(answer.slice(0, 3)).toBe('200');
    expect(JSON.parse(answer.slice(4))).toEqual([
      [odd, '{{ 7 * 6 }}'],
      odd,
      'aegir-app',
      `${odd} by aegir-app at http://app.test`,
      'app.test',
    ]);
    expect((await site.host.exec('systemctl is-enabled aegir-app')).stdout).toBe('enabled');
  });

  test('a second run changes nothing and keeps the port; a dry run works', async () => {
    const started = 'systemctl show -P MainPID aegir-app';
    const before = await site.host.exec(started);
    expect(await showSite()).toBe(0);
    expect((await site.host.exec(started)).stdout).toBe(before.stdout);
    expect((await site.play('install_generic', values, { check: true })).changed).toBe(0);
  });

  test('a service that runs is told other names, and a dry run tells it nothing', async () => {
    const other = { aliases: ['app.example.org', '*.app.test'], www: 'add', url: 'https://www.app.test' };
    await playRole(
      'write_generic_settings',
      { ...common(), primary_name: 'app.test', ...other },
      { host: site.host, check: true },
    );
    expect(JSON.parse((await site.ask('app.test')).slice(4)).at(-1)).toBe('app.test');
    await name(other);
    await expect
      .poll(() => site.ask('app.test'), { timeout: 20_000 })
      .toContain('www.app.test app.test app.example.org *.app.test');
    expect((await site.host.exec(`${String(values.environment_path)}/run sh -c 'echo $SITE_URL'`)).stdout).toBe(
      'https://www.app.test',
    );
    expect((await name(other)).changed).toBe(0);
    await name({});
  });

  test('the service reads no password of others and writes only where it may', async () => {
    const env = await site.host.exec('stat -c "%a %U" /var/lib/aegir/environments/app/service.env');
    expect(env.stdout).toBe('600 root');
    const pid = (await site.host.exec('systemctl show -P MainPID aegir-app')).stdout;
    const status = await site.host.exec(`grep -E "CapEff|NoNewPrivs" /proc/${pid}/status`);
    expect(status.stdout.split(/\s+/)).toEqual(['CapEff:', '0000000000000000', 'NoNewPrivs:', '1']);
  });

  test('a service that does not come up fails with its last words', async () => {
    const broken = { ...values, service_command: ['/bin/sh', '-c', 'echo no database here; exit 3'] };
    const result = await playRole('install_generic', broken, { host: site.host });
    expect(words(result)).toMatch(/does not answer on port \d+.*no database here/);
    await site.play('install_generic', values);
  });

  test('a build that fails stops the run, and is not taken for done by the next one', async () => {
    const broken = { ...values, hash, build: ['exit 7'] };
    expect((await playRole('install_generic', broken, { host: site.host })).code).not.toBe(0);
    expect((await playRole('install_generic', broken, { host: site.host })).code).not.toBe(0);
    expect((await site.play('install_generic', values)).changed).toBeGreaterThan(0);
    expect(await site.ask('app.test')).toContain('by aegir-app');
  });

  test('without a service the built files are shown, and the service is gone', async () => {
    values = { ...values, service_command: [], docroot: 'public' };
    await showSite();
    expect(await site.ask('app.test')).toBe('200 built page');
    expect((await site.host.exec('systemctl cat aegir-app')).code).not.toBe(0);
    values = { ...values, docroot: 'nowhere' };
    const missing = await playRole('install_generic', values, { host: site.host });
    expect(words(missing)).toContain('no folder “nowhere” after its build');
  });

  test('removing leaves neither unit, user, port nor process', async () => {
    values = { ...values, service_command: ['./serve'], docroot: '.' };
    await site.play('install_generic', values);
    await site.play('remove_vhost', { environment_name: 'app' });
    await site.play('remove_environment', { environment_name: 'app' });
    const left = await site.host.exec(
      '{ find /etc/systemd /var/lib/aegir/environments /var/log/nginx /etc/nginx; cat /etc/passwd /etc/group; systemctl list-units --all; ps ax; } | grep -E "aegir-ap[p]|/ap[p]|[.]/serve"',
    );
    expect(left.stdout).toBe('');
    expect((await site.host.exec('ls /var/lib/aegir/environments')).stdout).toBe('');
  });
});
