// The maintenance page and the look at the disk by their roles alone, in a folder of this machine.

import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { playRole, words } from './play-role.ts';

// Several plays each.
vi.setConfig({ testTimeout: 300_000 });

const [present, wanted] = ['a'.repeat(40), 'b'.repeat(40)];
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aegir-maintenance-'));
  mkdirSync(join(folder, 'releases', present), { recursive: true });
  symlinkSync(`releases/${present}`, join(folder, 'current'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const play = (role: string, values: Record<string, unknown>, check = false) =>
  playRole(role, { environment_path: folder, ...values }, { check });

test('the page is shown and taken away once each, and its time is told', async () => {
  const file = join(folder, 'maintenance');
  expect([(await play('set_maintenance', {}, true)).changed, existsSync(file)]).toEqual([1, false]);
  const shown = await play('set_maintenance', {});
  expect([shown.changed, shown.outputs.closed, existsSync(file)], shown.output).toEqual([1, true, true]);
  const minuteAgo = Date.now() / 1000 - 60;
  utimesSync(file, minuteAgo, minuteAgo);
  // Shown again it goes on counting.
  expect((await play('set_maintenance', {})).changed).toBe(0);
  const { changed, outputs } = await play('set_maintenance', { shown: false });
  expect([changed, outputs.opened, existsSync(file)]).toEqual([1, true, false]);
  expect(outputs.summary).toMatch(/^Visitors got the maintenance page for (6|7|8|9)\d(\.\d)? s\.$/);
  expect((await play('set_maintenance', { shown: false })).outputs).toEqual({ closed: false, opened: true });
});

test('a site that runs something else than was noted, one that has no room, and one that is not there, are refused', async () => {
  const look = (deployed: string) => play('check_room', { deployed_hash: deployed, hash: wanted });
  writeFileSync(join(folder, 'releases', present, 'index.html'), 'x');
  expect((await look(present)).code).toBe(0);
  expect(words(await look(wanted))).toContain(`The site runs the commit ${present}, and not ${wanted}`);
  const mariadb = join(folder, 'mariadb');
  // A database that no disk has room for a copy of.
  writeFileSync(mariadb, '#!/bin/sh\necho 999999999999999\n', { mode: 0o755 });
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
  const database = { name: 'shop', user: 'shop', host: '127.0.0.1' };
  const small = await play('check_room', { deployed_hash: present, hash: wanted, database });
  vi.unstubAllEnvs();
  expect(words(small)).toMatch(/room for \d+ MB; the new code and a copy of the database may need 9536\d+ MB/);
  rmSync(folder, { recursive: true });
  expect(words(await play('set_maintenance', {}))).toContain('is not on the Server. Run “Install”');
});
