// What a Move does by roles of its own, in a folder of this machine: the look at a place, and a certificate on its way.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { playRole, words } from './play-role.ts';

// Several plays each.
vi.setConfig({ testTimeout: 300_000 });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aegir-move-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const site = { environment_name: 'shop', primary_name: 'shop.example.org', aliases: ['www.shop.example.org'] };

test('a place is free, or all that is in it is named; the look changes nothing', async () => {
  const sites = join(folder, 'sites');
  const values = { ...site, base_path: folder, web_service: 'caddy', web_settings: { sites } };
  mkdirSync(sites);
  // The files of others that have other names, and what is no text.
  writeFileSync(join(sites, 'news.caddy'), '# aegir-names: news.example.org\n');
  writeFileSync(join(sites, 'binary'), Buffer.from([0xff, 0xfe, 0x00]));
  const free = await playRole('check_place', values);
  expect([free.code, free.changed], free.output).toEqual([0, 0]);

  mkdirSync(join(folder, 'environments', 'shop'), { recursive: true });
  mkdirSync(join(folder, 'certificates', 'shop'), { recursive: true });
  writeFileSync(join(sites, 'shop.caddy'), '# aegir-names: shop.example.org\n');
  writeFileSync(join(sites, 'foreign.caddy'), '# aegir-names: a.example.org www.shop.example.org\n');
  const taken = await playRole('check_place', values);
  expect([taken.code, taken.changed]).toEqual([2, 0]);
  const said = words(taken);
  for (const what of [
    `the folder ${folder}/environments/shop`,
    `certificates ${folder}/certificates/shop`,
    `web server configuration ${sites}/shop.caddy`,
    `the name www.shop.example.org in ${sites}/foreign.caddy`,
  ])
    expect(said).toContain(what);
  expect(said).not.toContain('news.caddy');
});

test('a certificate comes along sealed, for one Environment and one secret, and a second time changes nothing', async () => {
  const [from, to] = [join(folder, 'from'), join(folder, 'to')];
  const files = { 'site.pem': 'CERTIFICATE and PRIVATE KEY\n', 'acme.pem': 'the one that was got\n' };
  mkdirSync(join(from, 'certificates', 'shop'), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(from, 'certificates', 'shop', name), text);
  const sealing_key = 'k3'.repeat(24);
  const seal = await playRole('seal_certificate', { environment_name: 'shop', base_path: from, sealing_key });
  expect([seal.code, seal.changed], seal.output).toEqual([0, 0]);
  const sealed = String(seal.outputs.sealed);
  const shown = seal.output + sealed + Buffer.from(sealed, 'base64').toString('latin1');
  for (const secret of ['PRIVATE KEY', sealing_key]) expect(shown).not.toContain(secret);

  const known = { 'shop.example.org': { state: 'valid' } };
  const place = (more: object, check = false) =>
    playRole(
      'place_certificate',
      { environment_name: 'shop', base_path: to, sealing_key, sealed, certificates: known, ...more },
      { check },
    );
  const target = join(to, 'certificates', 'shop');
  expect(words(await place({ sealing_key: 'another secret' }))).toContain('not sealed for this Environment');
  expect(words(await place({ environment_name: 'news' }))).toContain('not sealed for this Environment');
  const damaged = Buffer.from(sealed, 'base64');
  damaged[40] = (damaged[40] ?? 0) ^ 1;
  expect(words(await place({ sealed: damaged.toString('base64') }))).toContain('not sealed for this Environment');
  expect([(await place({}, true)).changed, existsSync(to)]).toEqual([1, false]);
  const placed = await place({});
  expect([placed.changed, placed.outputs], placed.output).toEqual([1, { certificates: known }]);
  for (const [name, text] of Object.entries(files)) {
    expect([readFileSync(join(target, name), 'utf8'), statSync(join(target, name)).mode & 0o777]).toEqual([
      text,
      0o600,
    ]);
  }
  expect(statSync(target).mode & 0o777).toBe(0o700);
  expect((await place({})).changed).toBe(0);
});

test('without a certificate there is nothing to seal and nothing to place', async () => {
  const values = { environment_name: 'shop', base_path: folder, sealing_key: 'k3'.repeat(24) };
  const seal = await playRole('seal_certificate', values);
  expect([seal.code, seal.outputs], seal.output).toEqual([0, { sealed: '' }]);
  const placed = await playRole('place_certificate', { ...values, sealed: '' });
  expect([placed.code, placed.changed, existsSync(join(folder, 'certificates'))]).toEqual([0, 0, false]);
});
