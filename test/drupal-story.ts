// Part of the life of Drupal sites (drupal.host.test.ts): the site shop, enabled by then and with a Backup store, goes through all
// that happens to a site, until it is deleted.

import { expect, test } from 'vitest';
import type { Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import type { Farm } from './farm.ts';
import type { Operator } from './operator.ts';
import { askPage } from './site-host.ts';
import { createVisitor } from './visitor.ts';

interface Site {
  farm: Farm;
  operator: Operator;
  titleInPages: string;
}

/** A page with a path of its own, a file for everybody, and one for nobody. */
const addContent = (word: string) => `
  $node = \\Drupal\\node\\Entity\\Node::create(["type" => "page", "title" => "${word}", "path" => ["alias" => "/${word}"]]);
  $node->set("body", "Written as ${word}.")->save();
  foreach (["public", "private"] as $scheme) file_put_contents("$scheme://${word}.txt", "${word}");`;
const tables = ['config', 'node', 'node_field_data', 'node__body', 'path_alias'];

export function testStory(site: () => Site): void {
  const of = (name: string) => `/var/lib/aegir/environments/${name}`;
  const run = (type: string, name: string, ...words: string[]) =>
    site().operator.must('run', type, name, ...words, '--follow');
  const environment = (name: string) => site().operator.entity(`environments/${name}`);
  const state = async (name: string) => (await environment(name)).state;
  const backups = async () => (await site().farm.aegir.call<Page<Entity>>('GET', '/api/backups')).body.items;
  /** Where it is now, and under which name. */
  const placeOf = async (name: string) => {
    const { values, references } = await environment(name);
    const { web, second } = site().farm;
    const host = references.web_server?.name === 'second' ? second : web;
    if (!host) throw new Error('There is no second web host.');
    return { host, address: String(values.primary_name), database: (values.database as { name: string }).name };
  };
  const ask = async (name: string, path = '/') => {
    const { host, address } = await placeOf(name);
    return askPage(host.address, address, path);
  };
  const exec = async (name: string, command: string) => {
    const { host } = await placeOf(name);
    const { code, stdout, stderr } = await host.exec(`cd ${of(name)} && ${command}`);
    expect(code, `${command}\n${stdout}${stderr}`).toBe(0);
    return stdout;
  };
  const sql = async (name: string, text: string) => {
    const { database } = await placeOf(name);
    const { stdout, stderr } = await site().farm.database.exec(`mariadb -BN --raw ${database} <<'END'\n${text}\nEND`);
    expect(stderr).toBe('');
    return stdout.replaceAll(`${database}.`, '');
  };
  const write = (name: string, word: string) =>
    exec(name, `cd current && ${of(name)}/run vendor/bin/drush php:eval '${addContent(word)}'`);
  /** What must not be lost. What Drupal makes anew by itself is left out. */
  const contentOf = async (name: string) => [
    await sql(name, `CHECKSUM TABLE ${[...tables, 'users_field_data'].join(', ')}`),
    await exec(name, `sha256sum $(find files private/files -name '*.txt' | sort)`),
  ];
  const secretsOf = async (name: string) =>
    (await exec(name, 'cat settings/drupal.secrets.php')).match(/[A-Za-z0-9]{48}/g) ?? [];
  const expectContent = async (name: string, word = 'kept') => {
    expect(await ask(name, `/${word}`)).toMatch(new RegExp(`^200 [\\s\\S]*Written as ${word}\\.`));
    expect(await ask(name, `/sites/default/files/${word}.txt`)).toBe(`200 ${word}`);
    expect(await exec(name, `cat private/files/${word}.txt`)).toBe(word);
  };
  const open = async (name: string, path: string) => {
    const { host, address } = await placeOf(name);
    const { headers } = await createVisitor(host.address).get(`http://${address}${path}`);
    return headers.location;
  };

  test('a restore brings back pages, users, configuration and both kinds of files of a site that is damaged', async () => {
    await write('shop', 'kept');
    await expectContent('shop');
    const before = await contentOf('shop');
    await run('back_up_environment', 'shop', '--note', 'by hand');
    const backup = (await backups()).find(({ values }) => values.note === 'by hand');
    await sql('shop', `DROP TABLE path_alias, node__body, users_field_data; TRUNCATE cache_page; TRUNCATE cache_data`);
    await exec('shop', 'rm files/kept.txt private/files/kept.txt && echo new >files/new.txt');
    expect((await ask('shop', '/kept')).slice(0, 3)).not.toBe('200');
    await run('restore_environment', 'shop', '--backup', String(backup?.values.name));
    await expectContent('shop');
    expect(await contentOf('shop')).toEqual(before);
    expect(await ask('shop')).toContain(site().titleInPages);
    await run('verify_environment', 'shop');
    expect(await state('shop')).toBe('enabled');
  });

  test('a clone has the content with secrets of its own, and what it was made of is not touched', async () => {
    const before = await contentOf('shop');
    const link = new URL((await site().operator.must('run', 'log_in', 'shop')).trim());
    const named = ['--name', 'copy', '--primary-name', 'copy.example.org', '--web-server', 'web'];
    await run('clone_environment', 'shop', ...named, '--kind', 'staging');
    await expectContent('copy');
    expect(await contentOf('copy')).toEqual(before);
    expect(await contentOf('shop')).toEqual(before);
    const copy = await ask('copy');
    expect([copy.includes(site().titleInPages), copy.includes('shop.example.org')]).toEqual([true, false]);
    const secrets = [...(await secretsOf('shop')), ...(await secretsOf('copy'))];
    expect([secrets.length, new Set(secrets).size]).toEqual([4, 4]);
    // The same database but for its salt: a link of the one signs nobody in to the other.
    expect(await open('copy', link.pathname)).toBe('http://copy.example.org/user/password');
    expect(await open('shop', link.pathname)).toMatch(/^http:\/\/shop\.example\.org\/user\/1\/edit/);
    await run('verify_environment', 'copy');
  });

  test('data that are copied replace those of the clone, and on wish nobody’s mail address comes along', async () => {
    await write('copy', 'lost');
    const source = await contentOf('shop');
    await run('copy_data', 'copy', '--source', 'shop', '--sanitise');
    expect((await ask('copy', '/lost')).slice(0, 3)).toBe('404');
    await expectContent('copy');
    expect(await sql('copy', 'SELECT mail FROM users_field_data WHERE uid = 1')).toMatch(/^user\+1@/);
    expect(await sql('shop', 'SELECT mail FROM users_field_data WHERE uid = 1')).toBe('ada@example.org');
    expect(await contentOf('shop')).toEqual(source);
  });

  test('moved, it is complete on the other Server; the old side says so, and retired, nothing is left of it', async () => {
    const { web } = site().farm;
    const before = await contentOf('shop');
    await run('move_environment', 'shop', '--web-server', 'second');
    const { state, references } = await environment('shop');
    expect([state, references.web_server?.name]).toEqual(['enabled', 'second']);
    await expectContent('shop');
    expect(await contentOf('shop')).toEqual(before);
    expect(await askPage(web.address, 'shop.example.org', '/kept')).toMatch(/^503 [\s\S]*has moved to another server/);
    await run('verify_environment', 'shop');
    await run('retire_side', 'shop');
    await expectContent('shop');
    const left = `ls -d ${of('shop')} /run/aegir-shop; ls /etc/systemd/system | grep aegir-shop; getent passwd aegir-shop;
      grep -rl shop.example.org /etc`;
    expect((await web.exec(left)).stdout).toBe('');
    const databases = await site().farm.database.exec(`mariadb -BNe 'SHOW DATABASES LIKE "aegir%shop%"'`);
    expect(databases.stdout).toBe((await placeOf('shop')).database);
    await expectContent('copy');
  });

  test('renamed, it answers to the new name, by which its links begin, and the former one leads there', async () => {
    await run('rename_environment', 'shop', '--primary-name', 'atelier.example.org');
    await expectContent('shop');
    const page = await ask('shop', '/kept');
    expect([page.includes('http://atelier.example.org/kept'), page.includes('shop.example.org')]).toEqual([
      true,
      false,
    ]);
    const { host } = await placeOf('shop');
    const former = await createVisitor(host.address).get('http://shop.example.org/kept');
    expect([former.status, former.headers.location]).toEqual([301, 'http://atelier.example.org/kept']);
    const link = new URL((await site().operator.must('run', 'log_in', 'shop')).trim());
    expect(link.host).toBe('atelier.example.org');
    expect(await open('shop', link.pathname)).toMatch(/^http:\/\/atelier\.example\.org\/user\/1\/edit/);
    await run('verify_environment', 'shop');
  });

  test('disabled, the site says why and its PHP is off; enabled, it answers as before', async () => {
    const unit = () => exec('shop', 'systemctl is-active aegir-shop || true');
    await run('disable_environment', 'shop', '--notice', 'Spring cleaning');
    for (const path of ['/kept', '/sites/default/files/kept.txt'])
      expect(await ask('shop', path)).toMatch(/^503 [\s\S]*Spring cleaning/);
    expect([await state('shop'), await unit()]).toEqual(['disabled', 'inactive']);
    await expectContent('copy');
    await run('enable_environment', 'shop');
    await expectContent('shop');
    expect([await state('shop'), await unit()]).toEqual(['enabled', 'active']);
  });

  test('deleted, its last backup stays; deleting once more is refused with the reason', async () => {
    const { id } = await environment('shop');
    const remove = (word: string) => site().operator.cli('run', 'delete_environment', word, '--follow');
    expect((await remove('shop')).stderr).toContain('Delete although it is enabled');
    await run('disable_environment', 'shop');
    await run('delete_environment', 'shop');
    expect((await remove('shop')).stderr).toContain('There is no Environment "shop"');
    expect((await remove(id)).stderr).toContain('This Environment is deleted.');
    expect((await backups()).map(({ values }) => values.note)).toContain('before it was deleted');
    await expectContent('copy');
  });
}
