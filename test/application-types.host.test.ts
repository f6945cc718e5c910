// A fifth application type with Task types of its own, put beside ours, on two real Debian hosts.

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ActionView, CatalogueView } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Farm, startFarm } from './farm.ts';
import { makeTypeFolder } from './task-types.ts';
import { canRunHosts } from './test-host.ts';
import { commitToyCode, putToyApplication } from './toy-application.ts';

const reason = canRunHosts();
if (reason) console.warn(`Skipped: an application type of somebody else. ${reason}`);

describe.skipIf(reason !== null)('an application type that somebody puts beside ours', () => {
  const types = makeTypeFolder();
  const site = 'toy.example.org';
  const title = '{{ 7 * 6 }} <toys> $(id)';
  const shown = '<h1>{{ 7 * 6 }} &lt;toys&gt; $(id)</h1>';
  let farm: Farm;
  let toy: Entity;

  beforeAll(async () => {
    putToyApplication(types);
    farm = await startFarm('toy', { types: types.path, web: { php_versions: ['8.2'] } });
    await commitToyCode(join(farm.repositories, 'toy'));
    await farm.addRelease('toy', 'joomla');
  });

  afterAll(async () => {
    await farm?.stop();
    types.remove();
  });

  test('is in the catalogue, without a mistake', async () => {
    const { body } = await farm.aegir.call<CatalogueView>('GET', '/api/catalogue');
    expect(body.problems).toEqual([]);
    expect(body.applicationTypes.find(type => type.name === 'joomla')).toMatchObject({
      database: 'required',
      php: true,
    });
  });

  test('is installed and updated by its own Task types, on Servers that were chosen for it', async () => {
    toy = await farm.make('environments', { name: 'toy', release: 'toy/v1', cluster: 'farm', primary_name: site });
    const { tasks } = await farm.run('environments', toy.id, 'install_environment', { site_name: title });
    const types = tasks.map(task => task.type);
    for (const type of ['write_joomla_settings', 'install_joomla', 'update_joomla']) expect(types).toContain(type);
    expect(await farm.ask(site)).toMatch(`200 ${shown} for a visitor, version 2, PHP 8.2`);
    const rows = await farm.database.exec('mariadb --batch -N -e "select version from aegir_toy.site"');
    expect(rows.stdout).toBe('2');
  });

  test('is not changed by a second run', async () => {
    const { tasks } = await farm.run('environments', toy.id, 'install_environment');
    expect(tasks.filter(task => task.changed).map(task => task.title)).toEqual([]);
  });

  test('answers a link that signs in once, by the Action that all application types have', async () => {
    const path = `/api/environments/${toy.id}/actions`;
    const { body } = await farm.aegir.call<ActionView>('POST', path, { type: 'log_in', input: {} });
    const { pathname, search, host } = new URL(String(body.outputs.url));
    expect(host).toBe(site);
    expect(await farm.ask(site, pathname + search)).toContain('for the administrator,');
    expect(await farm.ask(site, pathname + search)).toContain('for somebody with an old link,');
  });

  test('leaves nothing when it is deleted', async () => {
    await farm.run('environments', toy.id, 'delete_environment', { although_enabled: true, without_backup: true });
    const left = await farm.web.exec(
      `ls -A /var/lib/aegir/environments; ls /etc/systemd/system | grep aegir-toy; getent passwd | grep aegir-toy; grep -rl '${site}' /etc/nginx`,
    );
    expect(left.stdout).toBe('');
    expect((await farm.database.exec(`mariadb --batch -N -e "show databases like 'aegir%'"`)).stdout).toBe('');
  });
});
