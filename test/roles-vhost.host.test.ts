// What nginx does for a site, on a real Debian with a real PHP-FPM, by the roles alone: each request as a visitor's.

import { type IncomingHttpHeaders, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { playRole, words } from './play-role.ts';
import { type SiteHost, startSiteHost } from './site-host.ts';
import { canRunHosts } from './test-host.ts';

const reason = canRunHosts();

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

interface Part {
  name: string;
  from: string;
  text: string;
}

/** Says what it was given. */
const php = `<?php echo basename(__FILE__), ' ', json_encode(array_intersect_key($_SERVER, array_flip(explode(' ',
  'REQUEST_URI PATH_INFO DOCUMENT_ROOT SCRIPT_FILENAME REMOTE_ADDR HTTPS REQUEST_SCHEME HTTP_X_FORWARDED_PROTO HTTP_PROXY'))),
  JSON_UNESCAPED_SLASHES);
`;

const code = `set -e
cd $1; mkdir -p releases/h1/web/{core/lib,sites/default,vendor,.git,docs}; cd releases/h1/web
for file in index.php update.php core/install.php core/lib/inner.php vendor/hack.php; do printf '%s' "$2" >$file; done
for file in .env .git/config composer.json composer.lock dump.sql.gz index.php~ page.inc vendor/list docs/a.txt style.css app.3f9a2b1c.js
do echo "text of $file" >$file; done
ln -s $1/files sites/default/files; ln -sfn releases/h1 $1/current
cd $1/files; echo mine >mine.txt; printf '%s' "$2" >evil.php; echo hidden >.htaccess; ln -s $3/files/mine.txt theirs.txt; ln -s $3/files theirs`;

describe.skipIf(reason !== null)(`sites behind nginx${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let site: SiteHost;
  let shop: Record<string, unknown>;
  let blog: Record<string, unknown>;

  beforeAll(async () => {
    site = await startSiteHost('vhost', { php_versions: ['8.2'] });
    const [one, two] = [await place('shop', 'blog'), await place('blog', 'shop')];
    const trusted_proxies = [`${site.host.gateway}/32`, '10.9.0.0/16'];
    const drupal = {
      docroot: 'web',
      files: 'sites/default/files',
      php_files: ['index.php', 'update.php', 'core/*.php'],
    };
    const limits = { denied: ['*.inc', 'vendor'], upload_mb: 1, hsts_days: 180 };
    shop = { ...one, ...drupal, ...limits, trusted_proxies, primary_name: 'shop.test' };
    blog = { ...two, ...drupal, primary_name: 'www.blog.test', trusted_proxies };
    await site.play('write_vhost', shop);
    await site.play('write_vhost', blog);
    // Eight plays and the packages of PHP.
  }, 1_800_000);

  afterAll(() => site?.stop());

  async function place(environment_name: string, neighbour: string): Promise<Record<string, unknown>> {
    const { path, user } = (await site.play('prepare_environment', { environment_name })).outputs;
    const environment = { environment_name, environment_path: path };
    const { outputs } = await site.play('run_php', { ...environment, environment_user: user });
    await shell(code, String(path), php, `/var/lib/aegir/environments/${neighbour}`);
    return { ...environment, php: outputs.php };
  }

  const quote = (text: string) => `'${text.replace(/'/g, `'\\''`)}'`;

  async function shell(script: string, ...values: string[]): Promise<string> {
    const words = [script, 'bash', ...values].map(quote).join(' ');
    const { code, stdout, stderr } = await site.host.exec(`bash -c ${words}`);
    expect(code, stderr).toBe(0);
    return stdout;
  }

  function ask(name: string, path = '/', headers: Record<string, string> = {}, upload?: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = { host: site.host.address, port: 80, path, method: upload ? 'POST' : 'GET', agent: false };
      const call = request({ ...options, headers: { host: name, ...headers } }, async response => {
        let body = '';
        for await (const part of response) body += part;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
      call.once('error', reject).end(upload);
    });
  }

  /** Status and target of a redirect, or the status and the beginning of the text. */
  async function brief(name: string, path = '/'): Promise<string> {
    const { status, headers, body } = await ask(name, path);
    return `${status} ${headers.location ?? body.split(/\s/, 1)[0]}`;
  }

  const briefs = (name: string, paths: string[]) => Promise.all(paths.map(path => brief(name, path)));

  test('PHP answers by the front controller, and runs only what the application type allows', async () => {
    const { body } = await ask('shop.test', '/some/page?x=1', { proxy: 'http://evil' });
    const [script, values] = [body.split(' ')[0], JSON.parse(body.slice(body.indexOf(' '))) as Record<string, string>];
    expect(script).toBe('index.php');
    const root = '/var/lib/aegir/environments/shop/releases/h1/web';
    expect(values).toMatchObject({ REQUEST_URI: '/some/page?x=1', DOCUMENT_ROOT: root });
    expect(values).not.toHaveProperty('HTTP_PROXY');
    expect(values.SCRIPT_FILENAME).toBe(`${root}/index.php`);
    expect((await ask('shop.test', '/update.php/selection')).body).toContain('"PATH_INFO":"/selection"');
    expect(await briefs('shop.test', ['/', '/core/install.php', '/core/lib/inner.php', '/old-page.php'])).toEqual([
      '200 index.php',
      '200 install.php',
      '200 index.php',
      '200 index.php',
    ]);
  });

  test('hidden files, lists of packages, dumps and what the application denies are not shown', async () => {
    const denied = [
      '/.env',
      '/.git/config',
      '/composer.json',
      '/composer.lock',
      '/dump.sql.gz',
      '/index.php~',
      '/page.inc',
    ];
    const answers = await briefs('shop.test', [...denied, '/vendor/list', '/vendor/hack.php']);
    expect(answers.filter(answer => !answer.startsWith('404'))).toEqual([]);
    expect(await briefs('shop.test', ['/docs/a.txt', '/docs', '/docs/'])).toEqual([
      '200 text',
      '301 /docs/',
      '403 <html>',
    ]);
    // Of this application type nothing is denied.
    expect(await brief('www.blog.test', '/page.inc')).toBe('200 text');
  });

  test('uploaded files are shown and never run, and a link to another site’s files shows nothing of them', async () => {
    const files = '/sites/default/files';
    const paths = ['/mine.txt', '/evil.php', '/.htaccess', '/theirs.txt', '/theirs/mine.txt', '/styles/missing.png'];
    expect(
      await briefs(
        'shop.test',
        paths.map(path => files + path),
      ),
    ).toEqual(['200 mine', '404 <html>', '404 <html>', '200 index.php', '200 index.php', '200 index.php']);
  });

  test('a trusted proxy says who the visitor is and whether by https; nobody else does', async () => {
    const claims = { 'x-forwarded-for': '6.6.6.6, 203.0.113.7, 10.9.1.1', 'x-forwarded-proto': 'https' };
    const trusted = await ask('shop.test', '/', claims);
    expect(trusted.body).toContain('"REMOTE_ADDR":"203.0.113.7"');
    expect(trusted.body).toContain('"HTTPS":"on","REQUEST_SCHEME":"https"');
    expect(trusted.headers['strict-transport-security']).toBe('max-age=15552000');
    expect(await shell('tail -n 1 /var/log/nginx/aegir-shop.access.log')).toMatch(/^203\.0\.113\.7 /);
    const plain = await ask('shop.test');
    expect(plain.body).toContain('"REQUEST_SCHEME":"http"');
    expect(plain.body).not.toContain('"HTTPS"');
    expect(plain.headers).not.toHaveProperty('strict-transport-security');
    const lie = 'GET / HTTP/1.0\\nHost: shop.test\\nX-Forwarded-For: 1.2.3.4\\nX-Forwarded-Proto: https\\n\\n';
    const lied = await shell(`exec 3<>/dev/tcp/127.0.0.1/80; printf '${lie}' >&3; cat <&3`);
    expect(lied).toContain('"REMOTE_ADDR":"127.0.0.1"');
    expect(lied).toContain('"HTTP_X_FORWARDED_PROTO":"http"');
    expect(lied).not.toMatch(/strict-transport/i);
  });

  test('an upload above the limit is refused, one below it arrives', async () => {
    const send = async (size: number) => (await ask('shop.test', '/', {}, Buffer.alloc(size))).status;
    expect([await send(1024 * 1024), await send(1024 * 1024 + 1)]).toEqual([200, 413]);
  });

  test('static files are kept for a while, those with a hash in their name for long', async () => {
    const kept = async (path: string) => (await ask('shop.test', path)).headers['cache-control'];
    expect(await kept('/style.css')).toBe('max-age=86400');
    expect(await kept('/app.3f9a2b1c.js')).toBe('max-age=2592000, immutable');
    expect((await ask('shop.test', '/app.3f9a2b1c.js')).headers['x-content-type-options']).toBe('nosniff');
    expect(await kept('/missing.css')).toBe(undefined);
  });

  test('redirects, the www rule and aliases lead to the right address, and challenges are answered everywhere', async () => {
    await shell('echo proof >/var/lib/aegir/acme/token');
    const redirects = ['/old /new', '/caf%C3%A9%20menu https://other.test/?a=b 308'];
    const { outputs } = await site.play('write_vhost', {
      ...shop,
      aliases: ['boutique.test'],
      redirect_aliases: true,
      www: 'add',
      redirects,
    });
    expect(outputs.url).toBe('http://www.shop.test');
    expect(await briefs('www.shop.test', ['/', '/old', '/caf%C3%A9%20menu'])).toEqual([
      '200 index.php',
      '301 /new',
      '308 https://other.test/?a=b',
    ]);
    expect(await brief('shop.test', '/a?b=c')).toBe('301 http://www.shop.test/a?b=c');
    expect(await brief('boutique.test', '/')).toBe('301 http://www.shop.test/');
    const proxied = await ask('shop.test', '/', { 'x-forwarded-proto': 'https' });
    expect(proxied.headers.location).toBe('https://www.shop.test/');
    for (const name of ['www.shop.test', 'shop.test', 'boutique.test'])
      expect(await brief(name, '/.well-known/acme-challenge/token')).toBe('200 proof');
    expect((await site.play('probe_environment', { ...shop, www: 'add' })).outputs).toEqual({ status: 200, doubt: '' });
  });

  test('the other form of a name stays with the site that has it', async () => {
    await site.play('write_vhost', { ...blog, www: 'add' });
    expect(await brief('blog.test')).toBe('301 http://www.blog.test/');
    await site.play('write_vhost', blog);
    await site.play('write_vhost', { ...shop, primary_name: 'blog.test', www: 'remove' });
    expect(await briefs('www.blog.test', ['/'])).toEqual(['200 index.php']);
    expect((await ask('www.blog.test')).body).toContain('/environments/blog/');
    expect((await ask('blog.test')).body).toContain('/environments/shop/');
    const taken = await playRole(
      'write_vhost',
      { ...shop, primary_name: 'blog.test', www: 'add' },
      { host: site.host },
    );
    expect(words(taken)).toContain('another site has the name www.blog.test (of the Environment blog)');
    await site.play('write_vhost', shop);
    expect(await brief('blog.test')).toMatch(/^404/);
  });

  test('values that are none are refused before anything is written', async () => {
    const refused = async (values: Record<string, unknown>) => {
      const { code, output } = await playRole('write_vhost', { ...shop, ...values }, { host: site.host });
      return code !== 0 && output.includes('Nothing was done') ? 'refused' : output;
    };
    expect(await refused({ redirects: ['/a /b; return 200'] })).toBe('refused');
    expect(await refused({ redirects: ['/.well-known/acme-challenge/x /b'] })).toBe('refused');
    expect(await refused({ trusted_proxies: ['0 1;} x {'] })).toBe('refused');
    expect(await refused({ denied: ['a"{'] })).toBe('refused');
    expect(await refused({ aliases: ['a.test b.test'] })).toBe('refused');
  });

  test('a one-time sign-in is answered when its file is there, and stays out of the log', async () => {
    const path = '/.well-known/aegir-login?token=secret7f';
    expect(await brief('shop.test', path)).toMatch(/^404/);
    const file = '/var/lib/aegir/environments/shop/settings/login.php';
    await shell('printf %s "$1" >$2; chown root:aegir-shop $2; chmod 0640 $2', php, file);
    const { body } = await ask('shop.test', path);
    expect(body).toContain('login.php');
    expect(body).toContain('"DOCUMENT_ROOT":"/var/lib/aegir/environments/shop/releases/h1/web"');
    expect(await shell('cat /var/log/nginx/*')).not.toContain('secret7f');
    await shell('rm $1', file);
  });

  test('a file “maintenance” closes one site, not its challenges and not its neighbour', async () => {
    await shell('touch /var/lib/aegir/environments/shop/maintenance');
    for (const upload of [undefined, Buffer.from('x')]) {
      const closed = await ask('shop.test', '/page', {}, upload);
      expect(closed).toMatchObject({ status: 503, headers: { 'retry-after': '120' } });
      expect(closed.body).toContain('being worked on');
    }
    expect(await brief('shop.test', '/.aegir-pages/maintenance.html')).toBe('404 <html>');
    expect(await brief('shop.test', '/.well-known/acme-challenge/token')).toBe('200 proof');
    expect(await brief('www.blog.test')).toBe('200 index.php');
    await shell('rm /var/lib/aegir/environments/shop/maintenance');
    expect(await brief('shop.test')).toBe('200 index.php');
  });

  test('a disabled site answers 503 with the reason to everybody and everything, and its PHP stays off', async () => {
    const redirects = ['/old /new'];
    const names = { aliases: ['boutique.test'], redirect_aliases: true, www: 'add' };
    await site.play('write_vhost', { ...shop, ...names, redirects });
    const notice = `Closed <until> "May" & it's {{ 1 + 1 }}`;
    const closed = await site.play('close_environment', { ...shop, notice });
    expect(closed.outputs).toEqual({ closed: true, notice });
    expect((await site.play('stop_environment', { environment_name: 'shop' })).changed).toBe(1);
    const paths = ['/', '/old', '/style.css', '/index.php', '/sites/default/files/mine.txt'];
    for (const name of ['www.shop.test', 'shop.test', 'boutique.test']) {
      for (const path of paths) expect(await brief(name, path), `${name}${path}`).toMatch(/^503 <!doctype/);
      expect(await brief(name, '/.well-known/acme-challenge/token')).toBe('200 proof');
    }
    const answer = await ask('shop.test', '/', {}, Buffer.from('x'));
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'retry-after': '86400', 'content-type': expect.stringContaining('text/html') },
    });
    expect(answer.body).toContain('<p>Closed &lt;until&gt; &#34;May&#34; &amp; it&#39;s {{ 1 + 1 }}</p>');
    expect(await shell('systemctl is-active aegir-shop; systemctl is-enabled aegir-shop; true')).toBe(
      'inactive\ndisabled',
    );
    const again = await site.play('close_environment', { ...shop, notice });
    expect([again.changed, again.outputs.closed]).toEqual([0, false]);
    expect((await site.play('stop_environment', { environment_name: 'shop' })).changed).toBe(0);
    const twoLines = await playRole('close_environment', { ...shop, notice: 'one\ntwo' }, { host: site.host });
    expect(words(twoLines)).toContain('not one line');

    const start = { environment_name: 'shop', php: shop.php };
    expect((await site.play('start_environment', start)).changed).toBe(1);
    const { environment_path } = shop;
    expect((await site.play('open_environment', { environment_path, notice })).outputs).toEqual({
      disabled_notice: null,
    });
    expect(await briefs('www.shop.test', ['/', '/old'])).toEqual(['200 index.php', '301 /new']);
    expect(await shell('systemctl is-enabled aegir-shop')).toBe('enabled');
    expect((await site.play('start_environment', start)).changed).toBe(0);
    expect((await site.play('open_environment', { environment_path })).changed).toBe(0);
  });

  test('the page of a disabled site may be overridden, and a web server that does not show it is named', async () => {
    const templates = { 'disabled.html.j2': 'Back {{ notice | e }}, ü' };
    await site.play('close_environment', { ...shop, notice: 'soon' }, { templates });
    expect((await ask('shop.test', '/page')).body).toBe('Back soon, ü');
    await site.play('write_vhost', shop, { templates: { 'maintenance.conf.j2': '# of an earlier version' } });
    const unseen = await playRole('close_environment', shop, { host: site.host });
    expect(words(unseen)).toContain('http://shop.test answers 200 instead of 503');
    await site.play('open_environment', { environment_path: shop.environment_path });
    await site.play('write_vhost', shop);
    const gone = { ...shop, environment_path: '/var/lib/aegir/environments/gone' };
    expect(words(await playRole('close_environment', gone, { host: site.host }))).toContain('is not on the Server');
    const nothing = { environment_name: 'gone', php: '/usr/bin/php8.2' };
    expect(words(await playRole('start_environment', nothing, { host: site.host }))).toContain(
      'aegir-gone.service is not on',
    );
  });

  test('when PHP is down visitors get a page, the probe says what to look at, and the neighbour lives on', async () => {
    await shell('systemctl stop aegir-shop.service');
    const answer = await ask('shop.test');
    expect(answer.status).toBe(502);
    expect(answer.body).toContain('does not answer at the moment');
    expect(await brief('www.blog.test')).toBe('200 index.php');
    const probe = await playRole('probe_environment', shop, { host: site.host });
    expect(words(probe)).toContain('PHP of this Environment does not run: systemctl status aegir-shop');
    await shell('systemctl start aegir-shop.service');
  });

  test('an override of one part says so in the file and in the output; one that nginx refuses is taken back', async () => {
    const overrides = { 'custom.conf.j2': 'Project shop, version 3', 'error.html.j2': 'Environment shop, version 1' };
    const played = await site.play(
      'write_vhost',
      { ...shop, aegir: { overrides } },
      { templates: { 'custom.conf.j2': 'add_header X-Mine yes;\n', 'error.html.j2': 'our own words' } },
    );
    expect((await ask('shop.test')).headers['x-mine']).toBe('yes');
    const vhost = played.outputs.vhost as { path: string; parts: Part[] };
    expect(vhost.parts.find(part => part.name === 'custom.conf.j2')).toEqual({
      name: 'custom.conf.j2',
      from: 'Project shop, version 3',
      text: 'add_header X-Mine yes;\n',
    });
    expect(vhost.parts.find(part => part.name === 'acme.conf.j2')?.from).toBe('the Task type’s own');
    const file = await shell('cat $1; cat /etc/nginx/aegir.d/shop/error.html', vhost.path);
    expect(file).toContain('# custom.conf.j2: Project shop, version 3\n    add_header X-Mine yes;');
    expect(vhost.parts[0]).toMatchObject({ name: 'vhost.conf.j2', from: 'the Task type’s own' });
    expect(file).toContain(vhost.parts[0]?.text.trim());
    expect(file).toContain('our own words');
    const broken = { host: site.host, templates: { 'denied.conf.j2': 'no_such_directive;' } };
    expect(words(await playRole('write_vhost', shop, broken))).toContain('unknown directive "no_such_directive"');
    expect((await ask('shop.test')).headers['x-mine']).toBe('yes');
  });

  test('a service and plain files are served by the same parts', async () => {
    await shell(
      'cd /var/lib/aegir/environments/blog/releases/h1/web; echo "our 404" >404.html; echo front >index.html',
    );
    const { php: _, ...plain } = blog;
    await site.play('write_vhost', plain);
    expect(await briefs('www.blog.test', ['/', '/nothing', '/index.php'])).toEqual(['200 front', '404 our', '404 our']);
    await shell(`systemd-run --unit echo-service python3 -c "$1"`, echoService);
    await site.play('write_vhost', { ...plain, upstream_port: 7070, docroot: '' });
    const { body } = await ask('www.blog.test', '/x', {
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '203.0.113.7',
    });
    expect(body).toBe('/x www.blog.test https 203.0.113.7');
    await shell('systemctl stop echo-service');
    expect((await ask('www.blog.test')).body).toContain('does not answer at the moment');
  });

  test('a throwaway is shown to its own Server only', async () => {
    await site.play('write_vhost', { ...shop, throwaway_of: '01J00000000000000000000000' });
    expect((await ask('shop.test')).status).toBe(403);
    expect(await shell(`python3 -c "$1"`, fromItself)).toContain('index.php');
  });

  test('a dry run and a second run change nothing; removing leaves nothing of the site, and the neighbour lives on', async () => {
    const fresh = { ...shop, environment_name: 'fresh', primary_name: 'fresh.test' };
    expect((await site.play('write_vhost', fresh, { check: true })).changed).toBeGreaterThan(0);
    expect(await shell('ls /etc/nginx/aegir.d')).not.toContain('fresh');
    await site.play('write_vhost', shop);
    expect((await site.play('write_vhost', shop)).changed).toBe(0);
    await site.play('remove_vhost', { environment_name: 'blog' });
    expect((await site.play('remove_vhost', { environment_name: 'blog' })).changed).toBe(0);
    expect(await shell('ls -A /etc/nginx/aegir.d; ls /var/log/nginx')).not.toContain('blog');
    expect(await brief('shop.test')).toBe('200 index.php');
  });
});

const fromItself = `from urllib.request import *
print(urlopen(Request('http://127.0.0.1/', headers={'Host': 'shop.test'})).read())`;
/** Answers with what the proxy told it. */
const echoService = `
from http.server import BaseHTTPRequestHandler, HTTPServer
class Echo(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
        given = [self.headers[name] for name in ('Host', 'X-Forwarded-Proto', 'X-Forwarded-For')]
        self.wfile.write(' '.join([self.path] + given).encode())
HTTPServer(('127.0.0.1', 7070), Echo).serve_forever()
`;
