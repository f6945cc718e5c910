// Certificates by ACME on a Kubernetes cluster without cert-manager: a real authority (pebble) asks the site's names through the
// ingress controller, and visitors get what it gives.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EntityView } from '../api/contract.ts';
import { startAcmeServerHere } from './acme-server.ts';
import { aegirKubeconfig } from './cluster-account.ts';
import { type Aegir, startAegir } from './harness.ts';
import { canRunClusters, startTestCluster, type TestCluster } from './test-cluster.ts';
import { canRunHosts } from './test-host.ts';

const reason = canRunClusters() ?? canRunHosts();
if (reason) console.warn(`Skipped: certificates on Kubernetes. ${reason}`);

type Authority = Exclude<Awaited<ReturnType<typeof startAcmeServerHere>>, string>;

describe.skipIf(reason !== null)('certificates of a site on Kubernetes', () => {
  let cluster: TestCluster;
  let aegir: Aegir;
  let authority: Authority;

  const run = (type: string, input?: Record<string, unknown>) => aegir.succeed('environments', 'shop', type, input);
  const states = async () => {
    const { values } = await aegir.send<EntityView>('GET', '/api/environments/shop');
    const { certificates } = values as { certificates: Record<string, { state: string }> };
    return Object.fromEntries(Object.entries(certificates).map(([name, { state }]) => [name, state]));
  };
  /** What a visitor is shown that trusts the authority and nobody else: its serial number, or what is wrong with it. */
  const shown = (servername: string) =>
    new Promise<string>(resolve => {
      const socket = connect({ host: cluster.address, port: 443, servername, ca: authority.root }, () => {
        resolve(socket.getPeerCertificate().serialNumber);
        socket.destroy();
      });
      socket.once('error', error => resolve(error.message));
    });
  const trusted = (name: string) =>
    expect.poll(() => shown(name), { timeout: 30_000, interval: 500 }).toMatch(/^[0-9A-F]+$/);

  beforeAll(async () => {
    cluster = await startTestCluster('acme');
    const [tools, serve] = await Promise.all([cluster.importImage('tools'), cluster.importImage('serve')]);
    const names = ['shop.example.org', 'old.example.org', 'new.example.org'];
    const started = await startAcmeServerHere(
      cluster.gateway,
      Object.fromEntries([...names, 'elsewhere.example.org'].map(name => [name, cluster.address])),
    );
    if (typeof started === 'string') throw new Error(started);
    authority = started;
    await writeFile(join(cluster.folder, 'conf/hosts'), `${cluster.address} ${names.join(' ')}\n`);
    aegir = await startAegir();
    await aegir.add('clusters', {
      name: 'prod',
      kind: 'kubernetes',
      connection: 'kubeconfig',
      kubeconfig: await aegirKubeconfig(cluster),
      tools_image: tools.name,
      acme_directory: authority.directory,
      acme_ca: authority.ca,
    });
    await aegir.add('projects', { name: 'pages', repository: 'https://example.org/pages.git', application: 'generic' });
    await aegir.add('releases', { name: 'one', project: 'pages', git_ref: 'a'.repeat(40), image: serve.byDigest });
    await aegir.add('environments', {
      name: 'shop',
      release: 'one',
      cluster: 'prod',
      kind: 'staging',
      primary_name: 'shop.example.org',
      redirect_names: ['old.example.org'],
    });
    await run('install_environment');
  }, 900_000);
  afterAll(async () => {
    await aegir?.stop();
    await authority?.stop();
    await cluster?.stop();
  });

  test('names that lead here get one, those that do not are told why, and what leads elsewhere is asked, too', async () => {
    expect(await shown('shop.example.org')).not.toMatch(/^[0-9A-F]+$/);
    const operation = await run('set_names', {
      ...{ https: 'acme', aliases: ['elsewhere.example.org'], redirect_names: ['old.example.org'] },
    });
    await trusted('shop.example.org');
    await trusted('old.example.org');
    expect(await states()).toEqual({
      'shop.example.org': 'valid',
      'old.example.org': 'valid',
      'elsewhere.example.org': 'elsewhere',
    });
    expect(await aegir.log(operation.id)).toContain('elsewhere.example.org: does not point here (no address is known');
  });

  test('again it keeps what it has; another name is ordered by the same account, and a key is in no log', async () => {
    const before = await shown('shop.example.org');
    const again = await run('get_certificates');
    expect(await shown('shop.example.org')).toBe(before);
    const account = () =>
      cluster.kubectl(['-n', 'aegir-shop', 'get', 'secret', 'acme', '-o', 'jsonpath={.data.account\\.tar}']);
    const former = await account();
    const renamed = await run('set_names', { https: 'acme', aliases: ['new.example.org'], redirect_names: [] });
    await trusted('new.example.org');
    expect(await shown('shop.example.org')).not.toBe(before);
    expect([former.length > 1000, await account()]).toEqual([true, former]);
    for (const { id } of [again, renamed]) expect(await aegir.log(id)).not.toContain('PRIVATE KEY');
  });

  test('a pod that gets them may change its two Secrets and see nothing', async () => {
    const can = (verb: string, what: string) =>
      cluster
        .kubectl([
          'auth',
          'can-i',
          verb,
          what,
          '-n',
          'aegir-shop',
          '--as',
          'system:serviceaccount:aegir-shop:certificates',
        ])
        .catch(({ stdout }: { stdout: string }) => stdout);
    const asked = [
      'patch secret/acme',
      'patch secret/certificate',
      'get secret/certificate',
      'patch secret/variables',
      'list pods',
    ];
    const answers = await Promise.all(asked.map(each => can(...(each.split(' ') as [string, string]))));
    expect(answers.map(answer => answer.trim())).toEqual(['yes', 'yes', 'no', 'no', 'no']);
  });

  test('without HTTPS nothing of it stays', async () => {
    await run('set_names', { https: 'off', aliases: [], redirect_names: [] });
    const left = await cluster.kubectl(['-n', 'aegir-shop', 'get', 'secret,role,serviceaccount,ingress', '-o', 'name']);
    expect(left).not.toMatch(/certificate|acme|challenges/);
    expect(await states()).toEqual({});
  });
});
