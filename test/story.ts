// The life of sites as their operator sees it, for any kind of Cluster: from their installation until nothing but their backups
// is left. Where they are, and how one gets at their data there, is the stage's matter.

import { request } from 'node:http';
import { expect, test } from 'vitest';
import type { OperationView, Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import type { Aegir } from './harness.ts';
import type { Operator } from './operator.ts';
import { askPage } from './site-host.ts';
import type { StorySite } from './story-sites.ts';

type Values = Record<string, unknown>;

/** A place where sites are. */
export interface StoryPlace {
  /** Where visitors come in. */
  address: string;
  /** What SQL prints, in the database of a site. */
  sql(name: string, text: string): Promise<string>;
  /** What a command prints in the folder of what people upload to a site. */
  files(name: string, command: string): Promise<string>;
  /** Answers of an installation there. */
  answers(site: StorySite): Values;
  /** Task types of which nobody knows there whether they change something. */
  unsettled: string[];
}

export interface Story {
  aegir: Aegir;
  operator: Operator;
  sites: StorySite[];
  /** Where they are at present. */
  place: StoryPlace;
  /** What each is to show, without its address: `1.0|first`. */
  shown: Record<string, string>;
  /** Throws with its message and log unless it succeeds. */
  run(name: string, type: string, input?: Values): Promise<OperationView>;
}

export type GetStory = () => Story;

const kinds = ({ tasks }: OperationView) => tasks.map(task => task.type);

/** For all sites at the same time. */
export const forEachSite = ({ sites }: Story, step: (site: StorySite) => Promise<void>) => Promise.all(sites.map(step));

/** The page of a site under a name: what it shows, and which address it says to have. */
async function look(at: StoryPlace, name: string) {
  const page = await askPage(at.address, name, '/');
  const [, version = page, rows = '', address = name] =
    /^200 story ([\d.]+)(?:: (.*) at (?:https?:\/\/)?(\S+))?/.exec(page) ?? [];
  return { version, rows, address };
}

/** What a site is to show; nothing before it is installed. */
export function toShow({ shown }: Story, name: string) {
  const [version, rows] = shown[name]?.split('|') ?? [];
  return { version, rows };
}

const expected = (story: Story, { name }: StorySite, address: string) => ({ ...toShow(story, name), address });

export async function expectShown(
  story: Story,
  site: StorySite,
  address = `${site.name}.example.org`,
  place = story.place,
): Promise<void> {
  expect(await look(place, address)).toEqual(expected(story, site, address));
  expect(await place.files(site.name, 'cat kept.txt')).toBe(`kept by ${site.name}`);
}

/** A copy shows what the site shows, with an address of its own. */
async function expectCopied(story: Story, site: StorySite, copy: string, place: StoryPlace): Promise<void> {
  const address = `${copy}.example.org`;
  expect(await look(place, address)).toEqual(expected(story, site, address));
  expect(await place.files(copy, 'cat kept.txt')).toBe(`kept by ${site.name}`);
}

/** Its newest Backup, by name. */
async function newestBackup({ aegir }: Story, name: string): Promise<unknown> {
  const { items } = await aegir.send<Page<Entity>>('GET', '/api/backups?limit=500');
  return items.findLast(({ values }) => String(values.name).startsWith(`${name}-`))?.values.name;
}

/** Where a name leads. */
export function locationOf(address: string, name: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ host: address, port: 80, path, headers: { host: name } }, response => {
      response.resume();
      resolve(`${response.statusCode} ${response.headers.location}`);
    });
    call.once('error', reject).end();
  });
}

/**
 * Until its broken update was undone.
 * @param beside answers that put a clone beside its source
 * @param tryCopy what else is shown of a clone, by its name, before it is deleted
 */
export function tellFirstHalf(
  get: GetStory,
  beside: Values,
  tryCopy: (site: StorySite, copy: string) => Promise<void> = async () => {},
): void {
  test('installed, each shows what its own database holds', () =>
    forEachSite(get(), async site => {
      const story = get();
      const { run, place, shown } = story;
      await run(site.name, 'install_environment', place.answers(site));
      if (site.settle) await place.sql(site.name, site.settle);
      await place.files(site.name, `echo kept by ${site.name} >kept.txt`);
      shown[site.name] = `1.0|${site.first}`;
      await expectShown(story, site);
      const again = await run(site.name, 'install_environment');
      const changed = again.tasks.filter(task => task.changed).map(task => task.type);
      expect(changed.filter(type => !place.unsettled.includes(type))).toEqual([]);
    }));

  test('damaged, each comes back from its backup', () =>
    forEachSite(get(), async site => {
      const story = get();
      const { run, place, shown } = story;
      const { name, rows } = site;
      if (rows) await place.sql(name, `INSERT INTO ${rows.table} (${rows.column}) VALUES ('added')`);
      if (rows) shown[name] = `1.0|${site.first}, added`;
      await expectShown(story, site);
      await run(name, 'back_up_environment');
      if (rows) await place.sql(name, `DROP TABLE ${rows.table}`);
      await place.files(name, 'rm kept.txt; echo new >damaged.txt');
      await run(name, 'restore_environment', { backup: await newestBackup(story, name) });
      await expectShown(story, site);
      expect(await place.files(name, 'ls')).toBe('kept.txt');
    }));

  test('cloned, the clone has the content with an address of its own, and the source is as it was', () =>
    forEachSite(get(), async site => {
      const story = get();
      const { run, place } = story;
      const copy = `${site.name}2`;
      await run(site.name, 'clone_environment', { name: copy, primary_name: `${copy}.example.org`, ...beside });
      await expectCopied(story, site, copy, place);
      await expectShown(story, site);
      await tryCopy(site, copy);
      await run(copy, 'delete_environment', { although_enabled: true });
      await expectShown(story, site);
    }));

  test('updated, each shows the new code with its migrated database', () =>
    forEachSite(get(), async site => {
      const story = get();
      await story.run(site.name, 'update_environment', { release: `${site.name}/v2` });
      story.shown[site.name] = site.rows ? `2.0|${site.first}, added, second` : '2.0|';
      await expectShown(story, site);
    }));

  test('a broken update is undone: each answers as before, with its content', () =>
    forEachSite(get(), async site => {
      const story = get();
      const { operator, place } = story;
      const { name, rows } = site;
      const failed = await operator.cli('run', 'update_environment', name, '--release', `${name}/v3`, '--follow');
      expect(failed.code, failed.stdout).toBe(1);
      if (rows) expect(await place.sql(name, `SELECT COUNT(*) FROM ${rows.table}`)).toBe('4');
      const { id } = await operator.lastOperation(`environments/${name}`);
      await operator.cli('decide', id, 'undo', '--follow');
      const { state } = await operator.entity(`environments/${name}`);
      expect([state, (await operator.lastEnded(`environments/${name}`)).state]).toEqual(['enabled', 'failed']);
      await expectShown(story, site);
      if (rows) expect(await place.sql(name, `SELECT COUNT(*) FROM ${rows.table}`)).toBe('3');
    }));
}

/** Moved, it answers from the other place; the old side says where it has gone. */
export async function moveAll(
  story: Story,
  to: StoryPlace,
  answers: (site: StorySite) => Values,
  type = 'move_environment',
) {
  const from = story.place;
  await forEachSite(story, async site => void (await story.run(site.name, type, answers(site))));
  story.place = to;
  await forEachSite(story, async site => {
    await expectShown(story, site);
    expect(await askPage(from.address, `${site.name}.example.org`, '/')).toMatch(/^503 [\s\S]*has moved/);
  });
}

/**
 * Between two kinds of Cluster.
 * @param other where the sites are not
 * @param there answers that put a clone there
 * @param back answers that put a clone of that one where the sites are
 */
export function tellBetween(
  get: GetStory,
  other: () => StoryPlace,
  there: (site: StorySite) => Values,
  back: (site: StorySite) => Values,
): void {
  test('cloned to the other kind of Cluster and from there back, each copy has the content', () =>
    forEachSite(get(), async site => {
      const story = get();
      const { run, place } = story;
      const [away, again] = [`${site.name}3`, `${site.name}4`];
      await run(site.name, 'clone_environment', { name: away, primary_name: `${away}.example.org`, ...there(site) });
      await expectCopied(story, site, away, other());
      await run(away, 'clone_environment', { name: again, primary_name: `${again}.example.org`, ...back(site) });
      await expectCopied(story, site, again, place);
      await run(again, 'delete_environment', { although_enabled: true });
    }));

  test('a backup of one kind of Cluster is restored into a site on the other, both ways', () =>
    forEachSite(get(), async site => {
      const story = get();
      const { run, shown } = story;
      const { name, rows } = site;
      const away = `${name}3`;
      const restore = async (from: string, into: string) => {
        const backup = await newestBackup(story, from);
        await run(into, 'restore_environment', { backup, from_another: true });
      };
      if (rows) await other().sql(away, `INSERT INTO ${rows.table} (${rows.column}) VALUES ('away')`);
      await run(away, 'back_up_environment');
      await restore(away, name);
      if (rows) shown[name] += ', away';
      await expectShown(story, site);
      await run(name, 'back_up_environment');
      if (rows) await other().sql(away, `DELETE FROM ${rows.table}`);
      await other().files(away, 'rm kept.txt');
      await restore(name, away);
      await expectCopied(story, site, away, other());
      await run(away, 'delete_environment', { although_enabled: true });
    }));
}

export function tellRename(get: GetStory): void {
  test('renamed, each has the new address in its content, and the former name leads there', () =>
    forEachSite(get(), async site => {
      const story = get();
      const name = `new-${site.name}.example.org`;
      await story.run(site.name, 'rename_environment', { primary_name: name });
      await expectShown(story, site, name);
      expect(await locationOf(story.place.address, `${site.name}.example.org`, '/x')).toBe(`301 http://${name}/x`);
    }));
}

/** @param textOf a page, or its status and text when it is no success. */
export function tellLastHalf(
  get: GetStory,
  textOf: (name: string) => Promise<string>,
  expectNothingLeft: () => Promise<void>,
): void {
  test('disabled, each says why; enabled, it answers again', () =>
    forEachSite(get(), async ({ name }) => {
      const story = get();
      const { run } = story;
      const address = `new-${name}.example.org`;
      await run(name, 'disable_environment', { notice: 'Spring cleaning' });
      expect(await textOf(address)).toMatch(/503.*Spring cleaning/s);
      await run(name, 'enable_environment');
      expect(await textOf(address)).toContain(`story ${toShow(story, name).version}`);
    }));

  test('deleted, nothing is left of any but its backups; deleting once more is refused with the reason', async () => {
    const { operator, run } = get();
    await forEachSite(get(), async ({ name }) => {
      const refused = await operator.cli('run', 'delete_environment', name, '--follow');
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('Delete although it is enabled')]);
      const deleted = await run(name, 'delete_environment', { although_enabled: true });
      expect(kinds(deleted)).toContain('store_backup');
      const again = await operator.cli('run', 'delete_environment', name, '--although-enabled', '--follow');
      const words = expect.stringMatching(/deleted|not there|no Environment/i);
      expect([again.code, again.stderr]).toEqual([expect.any(Number), words]);
    });
    await expectNothingLeft();
  });
}
