// Drift on real hosts, with the roles that Aegir brings: what somebody changes by hand on a Server is shown on the Environment or
// the Server, and is gone when it is put right.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EntityView, Page } from '../api/contract.ts';
import type { DifferenceView, DriftView } from '../api/drift-contract.ts';
import type { Entity } from '../model/entities.ts';
import { aegirCommand } from './cli.ts';
import { type Farm, startFarm } from './farm.ts';
import { commitFiles } from './git-server.ts';
import { canRunHosts, type TestHost } from './test-host.ts';
import { makeWordPressRepository } from './wordpress-repository.ts';

const reason = canRunHosts();
if (reason) console.warn(`Skipped: drift on real hosts. ${reason}`);

const service = `import http.server, os
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'service')
    def log_message(self, *rest): pass
http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), Page).serve_forever()
`;

const vhost = '/etc/nginx/aegir.d/pages.conf';
const blog = '/var/lib/aegir/environments/blog';

/** Everything that Aegir makes there: names, modes, owners, times of change, contents. */
const all = `find /etc/nginx /etc/systemd/system /etc/aegir /etc/mysql /var/lib/aegir /etc/passwd /etc/group -not -type s \\
  -printf '%p %m %U %G %l %T@ %C@\\n' | sort; find /etc/nginx /etc/systemd/system /etc/mysql /var/lib/aegir -type f | sort | xargs -d '\\n' sha256sum; \\
  mariadb -BNe 'SHOW DATABASES; SELECT User, Host FROM mysql.global_priv' 2>/dev/null; true`;

describe.skipIf(reason !== null)('drift on real hosts', () => {
  let farm: Farm;
  let web: TestHost;

  const drift = async (name: string, plural = 'environments') =>
    (await farm.aegir.call<DriftView>('GET', `/api/${plural}/${name}/drift`)).body;
  const check = async (name: string) => {
    await farm.run('environments', name, 'check_drift');
    return drift(name);
  };
  const checkServer = async (name: string) => {
    await farm.run('servers', name, 'check_server_drift');
    return drift(name, 'servers');
  };
  /** What differs, in short. */
  const found = ({ differences }: DriftView) => differences.map(({ task, resource }) => `${task} ${resource}`);
  const clean = { open: 0, accepted: 0, parts: [], differences: [] };
  const only = ({ differences }: DriftView): DifferenceView => {
    expect(differences).toHaveLength(1);
    return differences[0] as DifferenceView;
  };
  const must = async (script: string, host = web) => {
    const { code, stdout, stderr } = await host.exec(script);
    expect(code, `${script}\n${stdout}\n${stderr}`).toBe(0);
    return stdout;
  };
  const withDrift = async (filter: string) =>
    (await farm.aegir.call<Page<Entity>>('GET', `/api/environments?drift=${filter}`)).body.items.map(
      ({ values }) => values.name,
    );

  beforeAll(async () => {
    farm = await startFarm('drift', { web: { php_versions: ['8.2'] } });
    web = farm.web;
    await commitFiles(join(farm.repositories, 'pages'), { 'index.html': '<h1>page</h1>\n' });
    await commitFiles(join(farm.repositories, 'service'), { 'serve.py': service });
    await makeWordPressRepository(join(farm.repositories, 'blog'));
    const sites = { pages: 'static', service: 'generic', blog: 'wordpress' };
    for (const [name, application] of Object.entries(sites)) {
      await farm.addRelease(name, application);
      const database = application === 'wordpress' ? { database_server: 'database' } : {};
      await farm.make('environments', {
        ...{
          name,
          release: `${name}/v1`,
          web_server: 'web',
          primary_name: `${name}.test`,
          aliases: [`www.${name}.test`],
        },
        ...database,
      });
    }
    await farm.run('environments', 'pages', 'install_environment');
    const command = { service_command: ['/usr/bin/python3', 'serve.py'] };
    await farm.run('environments', 'service', 'install_environment', command);
    await farm.run('environments', 'blog', 'install_environment', { site_name: 'Blog' });
  }, 900_000);

  afterAll(async () => {
    await farm?.stop();
  });

  test('what was just installed or prepared has no differences, and comparing changes nothing there', async () => {
    const before = [await must(all), await must(all, farm.database)];
    for (const name of ['pages', 'service', 'blog']) expect(await check(name), name).toMatchObject(clean);
    for (const name of ['web', 'database']) expect(await checkServer(name), name).toMatchObject(clean);
    expect([await must(all), await must(all, farm.database)]).toEqual(before);
    expect(await withDrift('none')).toEqual(['pages', 'service', 'blog']);
  });

  test('a vhost edited by hand is shown with its diff, accepted, and gone when it is applied again', async () => {
    await must(`sed -i 's/^}/    add_header X-By-Hand yes;\\n}/' ${vhost} && nginx -t && systemctl reload nginx`);
    const one = only(await check('pages'));
    expect(one).toMatchObject({ resource: vhost, title: "Write the site's web server configuration" });
    expect(one.text).toContain('\n-    add_header X-By-Hand yes;\n');
    const view = (await farm.aegir.call<EntityView>('GET', '/api/environments/pages')).body;
    expect(view.drift).toMatchObject({ open: 1, accepted: 0 });
    expect(await withDrift('open')).toEqual(['pages']);
    const { stdout } = await aegirCommand(farm.aegir, 'drift', 'environment/pages');
    expect(stdout).toContain('-    add_header X-By-Hand yes;');

    const acceptance = `/api/differences/${one.id}/acceptance`;
    await farm.aegir.call('PUT', acceptance, { content: one.content, reason: 'a test of the marketing' });
    expect(await check('pages')).toMatchObject({ open: 0, accepted: 1 });
    await farm.aegir.call('DELETE', acceptance);
    expect(await drift('pages')).toMatchObject({ open: 1, putRightBy: { type: 'install_environment' } });

    await farm.run('environments', 'pages', 'install_environment');
    expect(await drift('pages')).toMatchObject(clean);
    expect(await must(`cat ${vhost}`)).not.toContain('X-By-Hand');
    expect(await check('pages')).toMatchObject(clean);
  });

  test('owner and mode of a folder, what is missing, settings by hand and a service that does not run are shown and put right', async () => {
    const secrets = `${blog}/settings/wordpress.secrets.php`;
    const [, password = ''] = /'database_password' => '([^']+)'/.exec(await must(`cat ${secrets}`)) ?? [];
    expect(password.length).toBeGreaterThan(11);
    const template = '/write_wordpress_settings/templates/wordpress.php.j2';
    const { text } = (await farm.aegir.call<{ text: string }>('GET', `/api/task-types${template}`)).body;
    const override = '/api/environments/blog/overrides/write_wordpress_settings/wordpress.php.j2';
    const put = (value: string | null) => farm.aegir.call('PUT', override, { text: value });
    expect((await put(`${text}\ndefine('COPY', '{{ database_password }}');\n`)).status).toBe(204);
    await must(
      `echo "define('COPY', 'a-password-by-hand');" >>${blog}/settings/wordpress.php && echo '// by hand' >>${secrets}`,
    );
    await must(`chmod 755 ${blog}/private && chown www-data ${blog}/settings && rm -r ${blog}/tmp`);
    await must('systemctl stop aegir-service aegir-blog');

    const site = await check('blog');
    const place = site.differences.find(({ resource }) => resource === blog);
    expect(place?.text.split('\n').sort()).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^\+.*blog\/private \(was \d+:\d+ 0755\)$/),
        expect.stringMatching(/^\+.*blog\/settings \(was 33:\d+ 0750\)$/),
        expect.stringMatching(/^\+.*blog\/tmp$/),
      ]),
    );
    expect(JSON.stringify(site.differences.map(one => one.text))).toContain('aegir-blog.service does not run');
    expect(found(await check('service'))).toEqual([
      'Start it, now and after a restart of the machine aegir-service.service',
    ]);
    // Neither a password nor what stands in its place.
    const settings = site.differences.find(({ resource }) => resource.endsWith('/wordpress.php'));
    expect(settings?.text).toMatch(/^-define\('COPY', '\*{8}$/m);
    expect(settings?.text).toMatch(/^\+define\('COPY', '\*{8}'\);$/m);
    const hidden = site.differences.find(({ task }) => task.endsWith('Write the secrets of the site'));
    expect(hidden?.text).toBe('What differs is not shown, as it may hold secrets.');
    expect(JSON.stringify(site)).not.toContain(password);
    expect(JSON.stringify(site)).not.toContain('a-password-by-hand');

    await put(null);
    for (const name of ['blog', 'service']) await farm.run('environments', name, 'install_environment');
    for (const name of ['blog', 'service']) expect(await check(name), name).toMatchObject(clean);
  }, 400_000);

  test('a site of which everything is gone is told part by part, and nothing stops at the first', async () => {
    await must(
      `systemctl disable --now aegir-blog && rm -r ${blog} /etc/nginx/aegir.d/blog* && userdel aegir-blog && systemctl reload nginx`,
    );
    await must(`mariadb -e 'DROP DATABASE aegir_blog; DROP USER aegir_blog@"${web.address}"'`, farm.database);
    const operation = await farm.aegir.run('environments', 'blog', 'check_drift');
    const told = await drift('blog');
    const words = JSON.stringify(told.differences.map(({ text, resource }) => `${resource} ${text}`));
    for (const part of [
      'user aegir-blog',
      `${blog}/files`,
      'database aegir_blog',
      '/etc/nginx/aegir.d/blog.conf',
      'php-fpm.conf',
    ])
      expect(words, operation.message).toContain(part);
  }, 200_000);

  test('of a Server it shows what “Prepare” would change, and what belongs to nothing here', async () => {
    const tree = `/var/lib/aegir/releases/gone-${'0a'.repeat(20)}`;
    await must(`echo '# by hand' >>/etc/nginx/conf.d/aegir.conf && chmod 700 /var/lib/aegir/environments &&
      mkdir -p /var/lib/aegir/environments/lost/files ${tree}`);
    const web1 = await checkServer('web');
    const resources = web1.differences.map(({ resource }) => resource);
    // Not the code that somebody may just be putting there.
    expect(resources.sort()).toEqual([
      '/etc/nginx/conf.d/aegir.conf',
      '/var/lib/aegir/environments',
      'environment lost',
    ]);
    expect(JSON.stringify(web1.differences)).toContain('# by hand');
    const server = (await farm.aegir.call<EntityView>('GET', '/api/servers/web')).body;
    expect(server.drift?.open).toBe(web1.differences.length);
    expect(server.values.orphans).toEqual([{ kind: 'environment', name: 'lost', parts: ['folder'] }]);
    await must(`rm -r /var/lib/aegir/environments/lost ${tree}`);
    await farm.run('servers', 'web', 'prepare_server');
    // Found by what only looks: the next comparison does not find it.
    expect(found(await drift('web', 'servers'))).toEqual(['Find orphans environment lost']);
    expect(await checkServer('web')).toMatchObject(clean);
  });

  test('a Server that does not answer is said once, and what was found before stays', async () => {
    await must(`sed -i 's/^}/    # by hand\\n}/' ${vhost}`);
    await check('pages');
    await web.cutNetwork();
    const operation = await farm.aegir.run('environments', 'pages', 'check_drift');
    await web.healNetwork();
    expect(operation.state).toBe('failed');
    expect(operation.tasks.filter(({ state }) => state === 'failed')).toHaveLength(1);
    const after = await drift('pages');
    expect(found(after)).toEqual([expect.stringContaining(vhost)]);
    expect(after.parts.length).toBeGreaterThan(0);
  });
});
