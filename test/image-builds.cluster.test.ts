// Releases as images: built of a Project's repository in a cluster and brought to its registry, and what an image must keep to be
// a site there.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Entity } from '../model/entities.ts';
import type { Problem } from '../model/errors.ts';
import { aegirKubeconfig } from './cluster-account.ts';
import { commitFiles, type GitServer, startGitServer } from './git-server.ts';
import { type Aegir, startAegir } from './harness.ts';
import { type Registry, startRegistry } from './registry-server.ts';
import { startTcpProxy } from './tcp-proxy.ts';
import { canRunClusters, startTestCluster, type TestCluster } from './test-cluster.ts';
import { canRunHosts, startTestHost } from './test-host.ts';

const reason = canRunClusters() ?? canRunHosts();
if (reason) console.warn(`Skipped: images of Releases. ${reason}`);

/** As htpasswd has the password (bcrypt, 16 rounds). */
const account = {
  user: 'builder',
  password: 'moon-hunter22',
  hash: '$2b$04$KXKfc9QAhDR06DDA4t3NvOLmeQVrdJAdC.kSealy7FloTlMWz5ZbW',
};

/** Ten times of what each of these takes. */
const wait = { timeout: 60_000, interval: 100 };

describe.skipIf(reason !== null)('the image of a Release', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-builds-'));
  let cluster: TestCluster;
  let aegir: Aegir;
  let git: GitServer;
  let registry: Registry;
  let closed: Registry;
  /** What a build says that has filled its volume: the kubelet looks once a minute. */
  let large: Promise<string>;
  let bases: { web_image: string; php_image: string };
  const clusters: Record<string, string> = {};

  const imageOf = async (id: string) => (await aegir.send<Entity>('GET', `/api/releases/${id}`)).values.image;

  /** A Project with these files in its repository, and a Release of what was committed. */
  async function release(name: string, application: string, files: Record<string, string>, more = {}) {
    const hash = await commitFiles(join(folder, name), files);
    await aegir.add('projects', { name, repository: `${git.url}/${name}`, application, ...more });
    return { ...(await aegir.add('releases', { name: 'one', project: name, git_ref: 'main' })), hash };
  }
  const build = (id: string, where = 'prod') =>
    aegir.run('releases', id, 'build_image', { cluster: clusters[where] as string });
  const built = async (id: string, where = 'prod') => {
    const operation = await build(id, where);
    const log = await aegir.log(operation.id);
    expect(operation.state, log).toBe('succeeded');
    return { operation, log, image: String(await imageOf(id)) };
  };
  /** What it says when it fails. */
  const refused = async (id: string, where = 'prod') => {
    const operation = await build(id, where);
    expect(operation.state, await aegir.log(operation.id)).toBe('failed');
    return operation.tasks.at(-1)?.message ?? '';
  };
  /** Of the volume on which it is built. */
  const override = async (plural: string, id: string, emptyDir: string) => {
    const path = `/api/${plural}/${id}/overrides/deploy_release/${encodeURIComponent('kubernetes/2-build.yml')}`;
    const volumes = `volumes: [{name: work, emptyDir: ${emptyDir}}]`;
    await aegir.send('PUT', path, {
      text: `kind: Job\nmetadata: {name: build}\nspec: {template: {spec: {${volumes}}}}\n`,
    });
  };
  /** A Release whose build is on a volume that is too small. */
  const fill = async (name: string, volume: string) => {
    const { id } = await release(name, 'generic', { Containerfile: `FROM ${bases.web_image}\nRUN sleep 600\n` });
    await override('projects', name, volume);
    return id;
  };
  const jobs = async () =>
    (await cluster.kubectl(['-n', 'aegir--builds', 'get', 'jobs', '-o', 'name'])).split('\n').filter(Boolean).length;

  /** Runs it as a site runs: a user without rights, a root that is not written. @returns its address. */
  async function serve(name: string, image: string): Promise<string> {
    const security = {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      runAsUser: 1000,
      runAsGroup: 1000,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    };
    const mounts = [
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'files', mountPath: '/srv/site' },
    ];
    const volumes = mounts.map(({ name }) => ({ name, emptyDir: {} }));
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name, image, securityContext: security, volumeMounts: mounts }],
        volumes,
      },
    });
    await cluster.kubectl(['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s']);
    return cluster.kubectl(['get', 'pod', name, '-o', 'jsonpath={.status.podIP}']);
  }
  const ask = (address: string, path: string) =>
    vi.waitFor(async () => {
      const answer = await fetch(`http://${address}:8080${path}`);
      return { status: answer.status, body: await answer.text() };
    }, wait);

  beforeAll(async () => {
    cluster = await startTestCluster('builds');
    await Promise.all((['build', 'php', 'static'] as const).map(image => cluster.importImage(image)));
    registry = await startRegistry(cluster);
    closed = await startRegistry(cluster, { port: 5001, account });
    bases = {
      web_image: await registry.push('registry.local/static:1', 'bases/web:1'),
      php_image: await registry.push('registry.local/php:1', 'bases/php:1'),
    };
    git = await startGitServer(folder, cluster.gateway);
    aegir = await startAegir();
    const kubeconfig = await aegirKubeconfig(cluster);
    const addCluster = async (name: string, values: Record<string, unknown>) => {
      const common = { name, kind: 'kubernetes', connection: 'kubeconfig', kubeconfig, registry_plain: true };
      const { id } = await aegir.add('clusters', { ...common, build_image: 'registry.local/build:1', ...values });
      clusters[name] = id;
      // Most of a build is copies of images, which take a tenth of the time there.
      await override('clusters', name, '{medium: Memory, sizeLimit: 3Gi}');
    };
    await addCluster('prod', { ...bases, registry: `${registry.address}/sites` });
    const web = await closed.push('registry.local/static:1', 'bases/web:1');
    const known = { registry: closed.address, registry_user: account.user, web_image: web };
    await addCluster('closed', { ...known, registry_password: account.password });
    await addCluster('wrong', { ...known, registry_password: 'another-one' });
    await addCluster('bare', { registry: `${registry.address}/sites` });
    await addCluster('none', {});
    await addCluster('away', { ...bases, registry: `${cluster.gateway}:1/sites` });
    await addCluster('secure', { ...bases, registry: `${registry.address}/sites`, registry_plain: false });
    large = refused(await fill('large', '{medium: "", sizeLimit: 30Mi}'));
    large.catch(() => undefined);
  });
  afterAll(async () => {
    await aegir?.stop();
    await git?.stop();
    await registry?.stop();
    await closed?.stop();
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('of static files is built on the Cluster’s, is the one in the registry, and is served', async () => {
    const files = { 'web/index.html': '<p>moon</p>', 'web/.htaccess': 'secret', 'other.html': 'not shown' };
    const { id, hash } = await release('pages', 'static', files, { docroot: 'web' });
    const { operation, log, image } = await built(id);
    expect(image).toBe(await registry.digestOf(`sites/pages:${hash}`));
    expect(operation.tasks.at(-1)?.outputs).toEqual({ image });
    expect(log).toMatch(/fetch: The repository has no Containerfile: it is put into the image .*bases\/web/);
    expect((await aegir.send<Entity>('GET', `/api/releases/${id}`)).values.hash).toBe(hash);
    const address = await serve('pages', image);
    expect(await ask(address, '/')).toEqual({ status: 200, body: '<p>moon</p>' });
    expect((await ask(address, '/other.html')).status).toBe(404);

    const before = await jobs();
    const again = await built(id);
    expect(again.image).toBe(image);
    expect(await jobs()).toBe(before);

    const verify = () => aegir.run('releases', id, 'verify_image', { cluster: clusters.prod as string });
    expect((await verify()).state).toBe('succeeded');
    await aegir.send('PATCH', `/api/releases/${id}`, { values: { image: image.replace(/.{4}$/, '0000') } });
    expect((await verify()).tasks.at(-1)?.message).toMatch(
      /The registry has no .*0000 any more\. Empty the field “Image”/,
    );

    // Another Release of the same commit, or one whose name was taken away: nothing is built twice.
    await aegir.send('PATCH', `/api/releases/${id}`, { values: { image: null } });
    const found = await built(id);
    expect(found.image).toBe(image);
    expect(found.log).toContain('The registry has the image of this commit already');
    expect(found.log).not.toContain('STEP');
  });

  test('in PHP is built by the Containerfile of its repository', async () => {
    const files = {
      'page.php':
        '<?php echo "from ", getenv("DATABASE_HOST") ?: "nowhere", " as ", posix_getuid(), " ", file_get_contents("/app/made");',
      Containerfile: `FROM ${bases.php_image}\nUSER 0\nCOPY page.php /app/web/index.php\nRUN id -u >/app/made && chmod 0600 /app/made && chown 1000 /app/made\nENV DOCUMENT_ROOT=/app/web\nUSER 1000\n`,
    };
    const { id, hash } = await release('shop', 'generic', files);
    const { image, log } = await built(id);
    expect(image).toBe(await registry.digestOf(`sites/shop:${hash}`));
    expect(log).toContain('build: STEP 4/7: RUN id -u');
    expect(await ask(await serve('shop', image), '/any/path')).toEqual({
      status: 200,
      body: 'from nowhere as 1000 0\n',
    });
  });

  test('in PHP without one gets Composer’s packages, and uploads from its volume', async () => {
    const composer = { repositories: [{ 'packagist.org': false }], autoload: { files: ['words.php'] } };
    const files = {
      'composer.json': JSON.stringify(composer),
      'words.php': '<?php const words = "by Composer";',
      'index.php': '<?php require "vendor/autoload.php"; echo words, " ", readlink("/app/wp-content/uploads");',
      'wp-content/uploads/logo.txt': 'committed',
    };
    const { id } = await release('blog', 'wordpress', files);
    const { image, log } = await built(id);
    expect(log).toContain('1 files that were committed in wp-content/uploads are not in the image');
    expect((await ask(await serve('blog', image), '/')).body).toBe('by Composer /srv/site/files');
  });

  test('built by two Operations at once is one image, which both have', async () => {
    const { id, hash } = await release('twins', 'static', { 'index.html': 'twin' });
    const other = await aegir.add('releases', { name: 'two', project: 'twins', git_ref: 'main' });
    const [one, two] = await Promise.all([built(id), built(other.id)]);
    expect(await registry.digestOf(`sites/twins:${hash}`)).toBe(one.image);
    expect(two.image).toBe(one.image);
  });

  test('goes to a registry with a password, which is nowhere where the repository has its way', async () => {
    const look =
      'for place in /proc/[0-9]*/root / ; do cat $place/registry/* $place/access/* $place/key/* $place/work/*.json; done 2>/dev/null | tee /app/stolen; test ! -s /app/stolen';
    const base = String(await closed.digestOf('bases/web:1'));
    const files = { Containerfile: `FROM ${base}\nUSER 0\nRUN ${look}\nUSER 1000\n` };
    const { id, hash } = await release('thief', 'generic', files, { deploy_key: 'the-secret-key' });
    const { image, log } = await built(id, 'closed');
    expect(image).toBe(await closed.digestOf(`thief:${hash}`));
    expect(log).not.toContain(account.password);
    expect(log).not.toContain('the-secret-key');
  });

  test('is built of a repository that only the deploy key opens', async () => {
    const host = await startTestHost('gitssh', 'web');
    const proxy = await startTcpProxy(`${host.address}:22`, cluster.gateway);
    try {
      const commit = 'git -c user.name=Test -c user.email=test@example.org commit --quiet --message=First';
      const recipe = "printf 'FROM scratch\\nCOPY page /\\n' >Containerfile && echo moon >page";
      const made = await host.exec(
        `git init --quiet /srv/site && cd /srv/site && ${recipe} && git add . && ${commit} && git rev-parse HEAD`,
      );
      expect(made.code, made.stderr).toBe(0);
      const hash = made.stdout.trim();
      await aegir.add('projects', {
        name: 'keyed',
        repository: `ssh://root@${proxy.address}/srv/site`,
        deploy_key: host.privateKey,
        application: 'generic',
      });
      const { id } = await aegir.add('releases', { name: 'one', project: 'keyed', git_ref: hash });
      expect((await built(id)).image).toBe(await registry.digestOf(`sites/keyed:${hash}`));
    } finally {
      await proxy.stop();
      await host.stop();
    }
  });

  test('that cannot be says why, and what to do', async () => {
    const from = (text: string) => ({ Containerfile: text });
    const page = { 'index.html': 'x' };
    await closed.push('registry.local/static:1', 'others/web:1');
    const releases = await Promise.all([
      release('plain', 'generic', page),
      release('missing', 'generic', from(`FROM ${registry.address}/none:1\n`)),
      release('broken', 'generic', from(`FROM ${bases.web_image}\nRUN echo no moon tonight && false\n`)),
      release('clear', 'generic', from(`FROM ${closed.address}/others/web:1\n`)),
      release('stranger', 'generic', from(`FROM ${closed.address}/others/web:1\n`)),
    ]);
    const [plain, missing, broken, clear, stranger] = releases.map(({ id }) => id) as [
      string,
      string,
      string,
      string,
      string,
    ];
    const gone = await aegir.add('releases', { name: 'gone', project: 'plain', git_ref: '1'.repeat(40) });
    await aegir.add('projects', { name: 'secret', repository: `${git.url}/private/site`, application: 'static' });
    const hidden = await aegir.add('releases', { name: 'one', project: 'secret', git_ref: '2'.repeat(40) });
    const cases: [id: string, where: string, said: RegExp][] = [
      [
        plain,
        'prod',
        /has no Containerfile, and nothing says how .* is built\. Add a Containerfile .* or enter an image in the Release\./,
      ],
      [
        missing,
        'prod',
        /The base image .*\/none:1 is not in its registry: correct its name in the Containerfile, or push it there\./,
      ],
      [broken, 'prod', /The image could not be built; the lines above say why\. It ended with: .*no moon tonight/],
      [clear, 'prod', /The registry of the base image .*others\/web:1 does not speak TLS/],
      [stranger, 'closed', /The base image .*others\/web:1 is not given to everybody\./],
      [gone.id, 'prod', /The repository has no commit 1{40}, on no branch and under no tag\./],
      [
        hidden.id,
        'prod',
        /The repository asks for a password or key that it was not given\. Give the Project a deploy key/,
      ],
    ];
    await Promise.all(cases.map(async ([id, where, said]) => expect.soft(await refused(id, where)).toMatch(said)));
  });

  test('on a Cluster that lacks something names that', async () => {
    const { id } = await release('lone', 'static', { 'index.html': 'x' });
    const empty = await release('empty', 'generic', { Containerfile: 'FROM scratch\nCOPY Containerfile /\n' });
    const another = async (project: string, name: string) =>
      (await aegir.add('releases', { name, project, git_ref: 'main' })).id;
    const cases: [id: string, where: string, said: RegExp][] = [
      [id, 'bare', /the Cluster names no image to build on \(“Static sites”\)/],
      [
        await another('lone', 'wrong'),
        'wrong',
        /The base image .* cannot be had\. Check user and password of the registry/,
      ],
      [empty.id, 'wrong', /does not take the image\. Check user and password of the registry on the Cluster/],
      [await another('lone', 'away'), 'away', /The registry .* cannot be reached from the cluster\. Check its address/],
      [await another('lone', 'secure'), 'secure', /does not speak TLS\. .*“Registry without TLS”/],
    ];
    await Promise.all(
      cases.map(async ([release, where, said]) => expect.soft(await refused(release, where)).toMatch(said)),
    );
    const answer = await aegir.call<{ problems: Problem[] }>('POST', `/api/releases/${id}/operations`, {
      type: 'build_image',
      input: { cluster: clusters.none },
    });
    expect(answer.status).toBe(422);
    expect(JSON.stringify(answer.body.problems)).toMatch(/The Cluster names no registry for built images/);
  });

  test('that needs more than the volume of builds says so, and is not tried again', async () => {
    const inMemory = refused(await fill('full', '{medium: Memory, sizeLimit: 30Mi}'));
    expect(await inMemory).toMatch(
      /There is no room left for the build\. .*larger by an override of kubernetes\/2-build.yml/,
    );
    expect(await large).toMatch(
      /needs more disk than it is given: .*exceeds the limit "30Mi".* Raise that limit by an override/,
    );
  });
});
