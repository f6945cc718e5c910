// The pages of archives: one is uploaded, shown, offered for a site, downloaded and deleted; and of backups: which stay and why.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import pg from 'pg';
import { ulid } from 'ulid';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Entity } from '../model/entities.ts';
import { type Browser, canRunBrowser, findOverflow, forEachLook, signIn, startBrowser } from './browser.ts';
import { type Aegir, startAegir } from './harness.ts';

const reason = canRunBrowser();
if (reason) console.warn(`Skipped: archives and backups in a browser. ${reason}`);

describe.skipIf(reason !== null)('archives and backups in a browser', () => {
  let aegir: Aegir;
  let browser: Browser;
  let folder: string;

  const content = gzipSync('an archive');
  const make = async (plural: string, values: Record<string, unknown>) => {
    const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values });
    expect(status, JSON.stringify(body)).toBe(201);
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aegir-archives-'));
    writeFileSync(join(folder, 'Old Shop.tar.gz'), content);
    writeFileSync(join(folder, 'text.gz'), 'no archive');
    aegir = await startAegir();
    await make('backup_stores', { name: 'store', type: 'directory', folder: join(folder, 'store'), password: 'x' });
    await make('clusters', { name: 'farm', kind: 'servers', backup_store: 'store' });
    await make('servers', { name: 'web', cluster: 'farm', connection: 'local', database: true, php_versions: ['8.2'] });
    await make('projects', { name: 'pages', repository: 'https://example.org/pages.git', application: 'wordpress' });
    await make('releases', { name: 'v1', project: 'pages', git_ref: 'main' });
    browser = await startBrowser(aegir.url.replace('127.0.0.1', 'localhost'));
    await signIn(browser, aegir);
  });

  afterAll(async () => {
    await browser?.stop();
    await aegir?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const shows = (name: string) =>
    forEachLook(browser.page, async look => {
      if (process.env.PICTURES)
        await browser.page.screenshot({ path: `${process.env.PICTURES}/${name}-${look}.png`, fullPage: true });
      expect(await findOverflow(browser.page), look).toEqual([]);
    });

  test('what is no archive is refused in words; one that is gets a page with its file', async () => {
    const { page } = browser;
    await page.getByRole('link', { name: 'Archives' }).first().click();
    await page.getByLabel('File (.tar.gz)').setInputFiles(join(folder, 'text.gz'));
    await page.getByRole('button', { name: 'Upload' }).click();
    await page.getByText('This is no archive packed by gzip').waitFor();
    await shows('archives');
    await page.getByLabel('File (.tar.gz)').setInputFiles(join(folder, 'Old Shop.tar.gz'));
    await page.getByRole('button', { name: 'Upload' }).click();
    await page.getByRole('heading', { name: /^old-shop-\d{8}-\d{6}$/ }).waitFor();
    await shows('archive');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download' }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^old-shop-.*\.tar\.gz$/);
    expect(readFileSync(await download.path()).equals(content)).toBe(true);
  });

  test('“Import” asks for an archive, and for nothing that comes with it', async () => {
    const { page } = browser;
    await make('environments', {
      name: 'blog',
      release: 'pages/v1',
      web_server: 'web',
      primary_name: 'blog.example.org',
    });
    await page.goto('/environments');
    await page.getByRole('link', { name: 'blog', exact: true }).first().click();
    await page.getByRole('link', { name: 'Import' }).click();
    await page.getByLabel('Archive', { exact: true }).selectOption({ index: 1 });
    await page.getByLabel('Name of the site in the archive optional').waitFor();
    for (const label of ['Title', 'Source name', 'Source port']) expect(await page.getByLabel(label).count()).toBe(0);
    await shows('import');
  });

  test('the page of an Environment says which of its backups stay and why; one that is pinned stays', async () => {
    const { page } = browser;
    const database = new pg.Pool({ connectionString: aegir.databaseUrl });
    for (const [name, age, state] of [
      ['blog-new', 1, 'unproven'],
      ['blog-old', 30, 'proven'],
      ['blog-older', 60, 'unproven'],
    ])
      await database.query(
        `insert into backups (id, organisation, name, state, environment, release, backup_store, snapshot, created_at)
         select $1, e.organisation, $2, $3, e.id, e.release, s.id, $2, now() - make_interval(days => $4) from environments e, backup_stores s where e.name = 'blog'`,
        [ulid(), name, state, age],
      );
    await database.query(`update environments set state = 'enabled' where name = 'blog'`);
    await database.query(`insert into environment_cron (environment, organisation, at, seconds, state, words, failures)
      select id, organisation, now() - interval '5 minutes', 3, 'failed', 'The moon is away.', 2 from environments where name = 'blog'`);
    await database.end();
    await page.goto('/environments');
    await page.getByRole('link', { name: 'blog', exact: true }).first().click();
    await page
      .getByText(/Last run of cron: 5 min ago, 3\.0 s, failed, 2 times in a row\. The moon is away\./)
      .waitFor();
    const edit = page.getByRole('link', { name: 'Edit' }).first();
    await edit.click();
    await page.getByLabel('Keep', { exact: false }).first().fill('last 1');
    await page.getByRole('button', { name: 'Save' }).click();
    const panel = page.locator('section', { has: page.getByRole('heading', { name: 'Which backups stay' }) });
    await panel.getByRole('row', { name: /proven.*the last proven one/ }).waitFor();
    const goes = panel.getByRole('row', { name: /goes, as no rule keeps it/ });
    await goes.waitFor();
    await shows('retention');
    await panel.getByRole('link', { name: 'Remove 1 old' }).click();
    await page.getByText('What goes cannot be brought back.').waitFor();
    await shows('retention-start');
    await page.goBack();
    await goes.getByRole('link').first().click();
    await page.getByRole('heading', { name: 'blog-older' }).waitFor();
    await page.getByRole('link', { name: 'Edit' }).first().click();
    await page.getByRole('checkbox', { name: 'Pinned' }).check();
    await page.getByLabel('Why it is pinned').fill('for the auditors');
    await shows('pin');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('for the auditors').waitFor();
    await shows('backup');
    await page.goto('/environments');
    await page.getByRole('link', { name: 'blog', exact: true }).first().click();
    await panel.getByRole('row', { name: /pinned/ }).waitFor();
    expect(await panel.getByRole('link', { name: /^Remove/ }).count()).toBe(0);
  });

  test('it is deleted from its page', async () => {
    const { page } = browser;
    await page.getByRole('link', { name: 'Archives' }).first().click();
    await page.getByRole('link', { name: /^old-shop/ }).click();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('There is no Archive yet').waitFor();
    expect(browser.takeErrors().filter(error => !error.includes('422'))).toEqual([]);
  });
});
