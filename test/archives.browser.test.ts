// The pages of archives: one is uploaded, shown, offered for a site, downloaded and deleted.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Entity } from '../model/entities.ts';
import { type Browser, canRunBrowser, findOverflow, forEachLook, signIn, startBrowser } from './browser.ts';
import { type Aegir, startAegir } from './harness.ts';

const reason = canRunBrowser();
if (reason) console.warn(`Skipped: archives in a browser. ${reason}`);

describe.skipIf(reason !== null)('archives in a browser', () => {
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
    await make('clusters', { name: 'farm', kind: 'servers' });
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
