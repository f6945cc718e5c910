// HTTPS on a real Debian with nginx, certbot and a real test authority (pebble), by the roles alone: each request as a visitor's.

import { type IncomingHttpHeaders, request as plainRequest } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type AcmeServer, startAcmeServer } from './acme-server.ts';
import { playRole, words } from './play-role.ts';
import { type SiteHost, startSiteHost } from './site-host.ts';
import { canRunHosts } from './test-host.ts';

type Values = Record<string, unknown>;

interface Visit {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  certificate: PeerCertificate | undefined;
}

const reason = canRunHosts();
const base = '/var/lib/aegir';

describe.skipIf(reason !== null)(`HTTPS of sites${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let site: SiteHost;
  let acme: AcmeServer | string;
  let shop: Values;
  let blog: Values;
  let authority: Values;

  beforeAll(async () => {
    site = await startSiteHost('https');
    acme = await startAcmeServer(site.host);
    if (typeof acme === 'string') return void console.warn(`Skipped: ${acme}`);
    authority = { https: 'acme', acme_directory: acme.directory, acme_ca: acme.ca, acme_contact: 'ada@example.org' };
    const names = 'shop.test www.shop.test blocked.test blog.test';
    await shell(`echo "${site.host.address} ${names}\n${site.host.gateway} away.test" >>/etc/hosts
      cd ${base}/environments; for site in shop blog; do mkdir -p $site/current; echo "page of $site" >$site/current/index.html; done`);
    shop = { environment_name: 'shop', environment_path: `${base}/environments/shop`, primary_name: 'shop.test' };
    blog = { environment_name: 'blog', environment_path: `${base}/environments/blog`, primary_name: 'blog.test' };
    shop = { ...shop, aliases: ['www.shop.test', 'away.test', 'nowhere.test', 'blocked.test'] };
    await site.play('write_vhost', blog);
    // On a loaded machine the packages take minutes.
  }, 900_000);

  beforeEach(context => {
    if (typeof acme === 'string') context.skip(acme);
  });

  afterAll(() => site?.stop());

  async function shell(script: string): Promise<string> {
    const { code, stdout, stderr } = await site.host.exec(script);
    expect(code, stderr).toBe(0);
    return stdout;
  }

  /** As a browser does that trusts the test authority. `trusting`: anybody. */
  function ask(url: string, { trusting = false } = {}): Promise<Visit> {
    const { hostname, pathname, search, protocol } = new URL(url);
    const options = {
      host: site.host.address,
      path: `${pathname}${search}`,
      headers: { host: hostname },
      agent: false,
    };
    const ca = typeof acme === 'string' ? '' : acme.root;
    const secure = { ...options, servername: hostname, ca, rejectUnauthorized: !trusting };
    return new Promise((resolve, reject) => {
      const call = protocol === 'https:' ? secureRequest(secure) : plainRequest(options);
      call.once('response', async response => {
        let body = '';
        for await (const part of response) body += part;
        const certificate = protocol === 'https:' ? (response.socket as TLSSocket).getPeerCertificate() : undefined;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body, certificate });
      });
      call.once('error', reject).end();
    });
  }

  const brief = async (url: string, options = {}) => {
    const { status, headers, body } = await ask(url, options);
    return `${status} ${headers.location ?? body.trim()}`;
  };

  const vhost = (values: Values = {}) => site.play('write_vhost', { ...shop, https: 'acme', ...values });

  /** As the Operation does it. */
  async function getCertificates(values: Values = {}) {
    const names = (await vhost(values)).outputs.names;
    const got = await site.play('get_certificates', { ...shop, ...authority, ...values, names });
    return { certificates: got.outputs.certificates as Values, url: (await vhost(values)).outputs.url };
  }

  test('names that point here answer over HTTPS; others are told why, and do not fail those', async () => {
    const { certificates, url } = await getCertificates();
    expect(certificates).toEqual({
      'shop.test': { state: 'valid', expires: expect.stringMatching(/^2\d{3}-\d\d-\d\dT/), message: '' },
      'www.shop.test': { state: 'valid', expires: expect.any(String), message: '' },
      'away.test': { state: 'elsewhere', expires: null, message: expect.stringContaining(site.host.gateway) },
      'nowhere.test': { state: 'elsewhere', expires: null, message: expect.stringContaining('no address is known') },
      'blocked.test': { state: 'refused', expires: null, message: expect.stringContaining('blocked.test') },
    });
    expect(url).toBe('https://shop.test');
    expect(await brief('https://shop.test/')).toBe('200 page of shop');
    expect(await brief('https://www.shop.test/')).toBe('200 page of shop');
    expect(await brief('http://www.shop.test/a?b=c')).toBe('301 https://www.shop.test/a?b=c');
    expect(await brief('http://away.test/')).toBe('200 page of shop');
    await expect(ask('https://away.test/')).rejects.toThrow(/does not match certificate/);
    expect((await ask('https://shop.test/')).headers).not.toHaveProperty('strict-transport-security');
  });

  test('a second run and a dry run change nothing, and the authority is not asked', async () => {
    const orders = () => shell(`ls ${base}/certbot/logs | wc -l`);
    const settled = { ...shop, ...authority, names: ['shop.test', 'www.shop.test', 'away.test'] };
    const again = await vhost();
    expect(again.changed).toBe(0);
    expect(again.outputs.names).toEqual([shop.primary_name, ...(shop.aliases as string[])]);
    const before = await orders();
    expect((await site.play('get_certificates', settled)).changed).toBe(0);
    expect((await site.play('get_certificates', settled, { check: true })).changed).toBe(0);
    expect(await orders()).toBe(before);
    // A name that was refused is asked for again, but the others get no further certificate by that.
    const refused = await site.play('get_certificates', { ...settled, names: ['shop.test', 'blocked.test'] });
    expect(refused.changed).toBe(0);
    expect(refused.outputs.certificates).toMatchObject({ 'blocked.test': { state: 'refused' } });
    expect(await shell('ls /etc/letsencrypt/renewal /etc/letsencrypt/live 2>/dev/null || true')).toBe('');
    expect(await shell(`find ${base}/certificates ! -user root -o -perm /077 ! -type l`)).toBe('');
  });

  test('challenges are answered by plain HTTP on redirecting names and on a site that is closed', async () => {
    await vhost({ www: 'add', redirect_aliases: true });
    expect(await brief('http://shop.test/a')).toBe('301 https://www.shop.test/a');
    expect(await brief('https://shop.test/a')).toBe('301 https://www.shop.test/a');
    await shell(`echo proof >${base}/acme/token; touch ${base}/environments/shop/maintenance`);
    for (const url of ['http://www.shop.test/', 'https://www.shop.test/'])
      expect((await ask(url)).status, url).toBe(503);
    for (const name of ['shop.test', 'www.shop.test', 'away.test'])
      expect(await brief(`http://${name}/.well-known/acme-challenge/token`)).toBe('200 proof');
    await shell(`rm ${base}/environments/shop/maintenance ${base}/acme/token`);
  });

  test('without redirect both answer; a promise to browsers is made by HTTPS only', async () => {
    await vhost({ https_redirect: false, hsts_days: 1 });
    expect(await brief('http://shop.test/')).toBe('200 page of shop');
    expect((await ask('http://shop.test/')).headers).not.toHaveProperty('strict-transport-security');
    expect((await ask('https://shop.test/')).headers['strict-transport-security']).toBe('max-age=86400');
  });

  test('who asks for a name of nobody is shown no site', async () => {
    await expect(ask('https://blog.test/', { trusting: true })).rejects.toThrow(/socket hang up|ECONNRESET/);
  });

  test('the probe asks by HTTPS, and tells of an authority that nobody trusts', async () => {
    const { outputs } = await site.play('probe_environment', {
      ...shop,
      url: 'https://shop.test',
      probe_text: 'of shop',
    });
    expect(outputs).toEqual({ status: 200, doubt: expect.stringMatching(/certificate/) });
  });

  test('an uploaded certificate that does not fit is refused with all that is wrong, and the site goes on', async () => {
    const other = await makeCertificate('other.test', 30);
    const old = await makeCertificate('shop.test', -1);
    const upload = (https_certificate: string, https_key: string) =>
      playRole(
        'get_certificates',
        { ...shop, https: 'uploaded', names: ['shop.test', 'www.shop.test'], https_certificate, https_key },
        { host: site.host },
      );
    const refused = words(await upload(other.certificate, old.key));
    expect(refused).toContain('The private key does not belong to the certificate.');
    expect(refused).toContain('The certificate is for other.test, *.other.test, not for shop.test.');
    expect(words(await upload(old.certificate, old.key))).toMatch(/has expired on \d{4}-/);
    expect(await brief('https://shop.test/')).toBe('200 page of shop');
    const fine = await makeCertificate('shop.test', 30);
    const taken = await upload(fine.certificate, fine.key);
    expect(taken.outputs.certificates).toMatchObject({
      'shop.test': { state: 'valid', message: expect.stringContaining('browsers will not trust it') },
      'www.shop.test': { state: 'valid' },
    });
    expect((await upload(fine.certificate, fine.key)).changed).toBe(0);
    expect((await ask('https://shop.test/', { trusting: true })).certificate?.subject.CN).toBe('shop.test');
    expect(`${refused}${taken.output}`).not.toMatch(/PRIVATE KEY-----./);
    // Back to the authority's, which is still there.
    expect((await getCertificates()).url).toBe('https://shop.test');
    expect(await brief('https://shop.test/')).toBe('200 page of shop');
  });

  test('a wildcard is every name that no site has by itself, and its certificate stands for one part', async () => {
    const { certificate, key } = await makeCertificate('shop.test', 30);
    const uploaded = { https: 'uploaded', https_certificate: certificate, https_key: key };
    const own = { ...shop, aliases: ['*.shop.test'] };
    const { names } = (await site.play('write_vhost', { ...own, https: 'uploaded' })).outputs;
    const got = await site.play('get_certificates', { ...own, ...uploaded, names });
    expect(got.outputs.certificates).toMatchObject({
      'shop.test': { state: 'valid' },
      '*.shop.test': { state: 'valid' },
    });
    await site.play('write_vhost', { ...own, https: 'uploaded' });
    await site.play('write_vhost', { ...blog, aliases: ['own.shop.test'] });
    expect(await brief('https://any.shop.test/', { trusting: true })).toBe('200 page of shop');
    expect(await brief('http://any.shop.test/a')).toBe('301 https://any.shop.test/a');
    expect(await brief('http://two.parts.shop.test/')).toBe('200 page of shop');
    expect(await brief('http://own.shop.test/')).toBe('200 page of blog');
    const twice = await playRole('write_vhost', { ...blog, aliases: ['*.shop.test'] }, { host: site.host });
    expect(words(twice)).toContain('another site has the name *.shop.test (of the Environment shop)');
    expect(await brief('http://own.shop.test/')).toBe('200 page of blog');
    // The www rule is about the site's name alone.
    const led = await site.play('write_vhost', { ...own, https: 'uploaded', www: 'add', redirect_aliases: true });
    expect(led.outputs.names).toEqual(['www.shop.test', 'shop.test', '*.shop.test']);
    expect(await brief('https://www.shop.test/', { trusting: true })).toBe('200 page of shop');
    expect(await brief('http://any.shop.test/a')).toBe('301 https://www.shop.test/a');
    const asked = await site.play('get_certificates', { ...own, ...authority, names: ['shop.test', '*.shop.test'] });
    expect(asked.outputs.certificates).toMatchObject({
      'shop.test': { state: 'valid' },
      '*.shop.test': { state: 'uncovered', message: expect.stringContaining('Upload a certificate that has it') },
    });
    await site.play('write_vhost', blog);
    await getCertificates();
  });

  test('former names lead to the site, and one that is to come shows it until it is there', async () => {
    const former = { ...shop, aliases: [], redirect_names: ['former.test'], www: 'remove' };
    const { outputs } = await site.play('write_vhost', {
      ...former,
      next_name: 'next.test',
      next_aliases: ['*.next.test'],
    });
    expect(outputs).toMatchObject({
      url: 'http://shop.test',
      names: ['next.test', 'www.next.test', '*.next.test', 'shop.test', 'www.shop.test', 'former.test'],
    });
    expect(await brief('http://former.test/a')).toBe('301 http://shop.test/a');
    for (const name of ['shop.test', 'next.test', 'www.next.test', 'any.next.test'])
      expect(await brief(`http://${name}/`), name).toBe('200 page of shop');
    await site.play('write_vhost', former);
    await expect(brief('http://next.test/')).resolves.not.toContain('page of shop');
    expect((await site.play('write_vhost', former)).changed).toBe(0);
    const refused = async (values: Values) =>
      words(await playRole('write_vhost', { ...shop, ...values }, { host: site.host }));
    expect(await refused({ primary_name: '*.shop.test' })).toContain('Name of the site');
    expect(await refused({ redirect_names: ['a.*.test'] })).toContain('Name of the site');
    await getCertificates();
  });

  test('a certificate file that somebody has broken is named, nobody is harmed, and its own Operation puts it right', async () => {
    const file = `${base}/certificates/shop/site.pem`;
    await shell(`echo broken >${file}`);
    const refused = words(await playRole('write_vhost', { ...blog, upload_mb: 3 }, { host: site.host }));
    expect(refused).toContain(`of ${file} (of the Environment shop)`);
    expect(await brief('https://shop.test/')).toBe('200 page of shop');
    expect(await brief('http://blog.test/')).toBe('200 page of blog');
    expect((await getCertificates()).url).toBe('https://shop.test');
    expect((await site.play('write_vhost', { ...blog, upload_mb: 3 })).changed).toBe(1);
    expect(await brief('https://shop.test/')).toBe('200 page of shop');
  });

  test('an authority that cannot be had is told in its words, and what there is stays', async () => {
    const order = async (values: Values) => {
      const all = { ...blog, ...authority, names: ['blog.test'], ...values };
      return words(await playRole('get_certificates', all, { host: site.host }));
    };
    expect(await order({ acme_ca: '' })).toMatch(/certificate verify failed: self-signed certificate.*Who vouches/);
    expect(await order({ acme_directory: 'https://localhost:14000/no' })).toMatch(
      /404.*“ACME directory” of the Cluster/,
    );
    expect(await order({ acme_directory: 'https://acme.nowhere.test/' })).toMatch(
      /acme\.nowhere\.test: .*resol.*“ACME/,
    );
    expect(await order({ names: ['away.test'] })).toContain(
      'No name of the site has a certificate. away.test: does not',
    );
    expect(await order({ names: ['*.blog.test'] })).toContain('*.blog.test: a wildcard name: none is got for it');
    expect(await shell('find /var/lib/aegir/certificates/blog -type f')).toBe('');
  });

  test('removing the site removes its certificates, and the others go on', async () => {
    await site.play('remove_vhost', { environment_name: 'shop' });
    expect(await shell('ls /var/lib/aegir/certificates')).not.toContain('shop');
    expect(await brief('http://blog.test/')).toBe('200 page of blog');
  });

  async function makeCertificate(name: string, days: number): Promise<{ certificate: string; key: string }> {
    const text = await shell(`python3 - ${name} ${days} <<'END'\n${maker}END`);
    const [certificate = '', key = ''] = text.split('====\n');
    return { certificate, key };
  }
});

/** With what certbot brings: openssl makes none that have expired. */
const maker = `import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
name, days = sys.argv[1], int(sys.argv[2])
key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.utcnow()
who = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])
names = x509.SubjectAlternativeName([x509.DNSName(name), x509.DNSName('*.' + name)])
made = x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key()).serial_number(1)
made = made.not_valid_before(now - datetime.timedelta(9)).not_valid_after(now + datetime.timedelta(days)).add_extension(names, False)
print(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode(), end='====\\n')
print(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode())
`;
