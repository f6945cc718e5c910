// The whole life of three sites beside each other, from their installation until they are deleted: WordPress, Django and static
// files (story-sites.ts), on two web hosts and a database host.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startAcmeServer } from './acme-server.ts';
import { type Farm, startFarm } from './farm.ts';
import { type Operator, operatorOf } from './operator.ts';
import {
  expectShown,
  forEachSite,
  moveAll,
  type Story,
  tellFirstHalf,
  tellLastHalf,
  tellRename,
  toShow,
} from './story.ts';
import { storySites } from './story-sites.ts';
import { addStorySites, placeOnHost } from './story-stage.ts';
import { canRunHosts, type TestHost } from './test-host.ts';

const reason = canRunHosts();
if (reason) console.warn(`Skipped: the life of WordPress, Django and static sites. ${reason}`);

type Values = Record<string, unknown>;

/** Three hosts and three sites; on a loaded machine that takes many minutes. */
const setUpMs = 1_200_000;

describe.skipIf(reason !== null)('the life of WordPress, Django and static sites', () => {
  let farm: Farm;
  let operator: Operator;
  let store: string;
  /** Where the sites are. */
  let host: TestHost;
  let hasCertificates = false;
  let story: Story;

  const get = () => story;
  const run = (name: string, type: string, input: Values = {}) => story.run(name, type, input);
  const placeOf = (at: TestHost) => placeOnHost(farm, operator, at, site => site.answers);

  beforeAll(async () => {
    farm = await startFarm('sto', { web: { php_versions: ['8.2'], packages: ['python3-venv'] }, hasSecond: true });
    operator = operatorOf(farm.aegir);
    host = farm.web;
    story = {
      aegir: farm.aegir,
      operator,
      sites: storySites,
      place: placeOf(host),
      shown: {},
      run: (name, type, input = {}) => farm.run('environments', name, type, input),
    };
    store = await mkdtemp(join(tmpdir(), 'aegir-store-'));
    await farm.make('backup_stores', { name: 'here', type: 'directory', folder: store });
    await operator.must('cluster', 'edit', 'farm', '--backup-store', 'here');
    await addStorySites(farm, storySites, ({ rows }) => ({
      cluster: 'farm',
      web_server: 'web',
      ...(rows ? { database_server: 'database' } : {}),
    }));
  }, setUpMs);

  afterAll(async () => {
    await farm?.stop();
    if (store) await rm(store, { recursive: true, force: true });
  });

  tellFirstHalf(get, { web_server: 'web' });

  test('moved, each answers from the other Server; the old side says where it has gone, until it is retired', async () => {
    if (!farm.second) throw new Error('There is no second web host.');
    host = farm.second;
    await moveAll(story, placeOf(host), () => ({ web_server: 'second' }));
    await forEachSite(story, async site => {
      await story.run(site.name, 'retire_side');
      await expectShown(story, site);
    });
    const left = await farm.web.exec(
      'ls /var/lib/aegir/environments; getent passwd | grep aegir-; ls /run | grep aegir-',
    );
    expect(left.stdout).toBe('');
  });

  tellRename(get);

  test('two names get certificates, a third one that points elsewhere is told and harms nobody', async context => {
    const acme = await startAcmeServer(host);
    if (typeof acme === 'string') return context.skip(acme);
    for (const visitor of [host, farm.web]) await visitor.exec(`echo '${acme.root}' >/root/root.pem`);
    hasCertificates = true;
    await operator.must('cluster', 'edit', 'farm', '--acme-directory', acme.directory, '--acme-ca', acme.ca);
    const namesOf = (name: string) => [`new-${name}.example.org`, `also-${name}.example.org`];
    const all = storySites.flatMap(({ name }) => namesOf(name));
    await host.exec(`echo '${host.address} ${all.join(' ')}' >>/etc/hosts`);
    await forEachSite(story, async ({ name }) => {
      const elsewhere = `elsewhere-${name}.example.org`;
      const [primary = '', also = ''] = namesOf(name);
      await run(name, 'set_names', { aliases: [also, elsewhere], https: 'acme' });
      const states = await operator.must('environment', 'show', name);
      for (const there of [primary, also]) expect(states).toMatch(new RegExp(`${there}: valid until 2\\d{3}-`));
      expect(states).toContain(`${elsewhere}: none, does not point here`);
      for (const there of [primary, also])
        expect(await secureTextOf(there)).toContain(`story ${toShow(story, name).version}`);
    });
  });

  test('moved with its certificate, a site answers over HTTPS there at once, and again where it was', async context => {
    if (!hasCertificates) return context.skip('No site has a certificate.');
    const [{ name } = { name: '' }] = storySites.filter(({ rows }) => !rows);
    const address = `new-${name}.example.org`;
    await farm.web.exec(`echo '${farm.web.address} ${address}' >>/etc/hosts`);
    await run(name, 'move_environment', { web_server: 'web' });
    expect(await secureTextOf(address, farm.web)).toContain('story 2.0');
    await run(name, 'move_back');
    expect(await secureTextOf(address)).toContain('story 2.0');
    await run(name, 'retire_side');
    expect((await farm.web.exec('ls /var/lib/aegir/certificates /var/lib/aegir/environments')).stdout).not.toContain(
      name,
    );
  });

  tellLastHalf(get, secureTextOf, async () => {
    const left = await host.exec(
      `ls /var/lib/aegir/environments; ls -d /var/lib/aegir/certificates/*/; getent passwd | grep aegir-; ls /run | grep aegir-;
      ls /etc/systemd/system | grep aegir-; grep -rl example.org /etc/nginx; true`,
    );
    expect(left.stdout).toBe('');
    expect((await farm.database.exec(`mariadb -BNe 'SHOW DATABASES LIKE "aegir%"'`)).stdout).toBe('');
  });

  /** As a visitor of HTTPS who trusts the authority. */
  async function secureTextOf(name: string, visitor = host): Promise<string> {
    const { stdout, stderr } = await visitor.exec(`python3 -c "
import ssl, urllib.request as u, urllib.error
try: print(u.urlopen('https://${name}/', context=ssl.create_default_context(cafile='/root/root.pem')).read().decode())
except urllib.error.HTTPError as error: print(error.code, error.read().decode())"`);
    return `${stdout}${stderr}`;
  }
});
