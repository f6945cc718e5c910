// The form of an Environment says where it would be put, and its page why it was put there.

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Entity } from '../model/entities.ts';
import { type Browser, canRunBrowser, findOverflow, forEachLook, signIn, startBrowser } from './browser.ts';
import { type Aegir, startAegir } from './harness.ts';

const reason = canRunBrowser();
if (reason) console.warn(`Skipped: placement in a browser. ${reason}`);

describe.skipIf(reason !== null)('placement in a browser', () => {
  let aegir: Aegir;
  let browser: Browser;

  const make = async (plural: string, values: Record<string, unknown>) => {
    const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values });
    expect(status, JSON.stringify(body)).toBe(201);
  };

  beforeAll(async () => {
    aegir = await startAegir();
    await make('clusters', { name: 'farm', kind: 'servers' });
    for (const name of ['web-1', 'web-2']) await make('servers', { name, cluster: 'farm', connection: 'local' });
    await make('projects', { name: 'pages', repository: 'https://example.org/pages.git', application: 'static' });
    await make('releases', { name: 'v1', project: 'pages', git_ref: 'main' });
    const database = new pg.Client({ connectionString: aegir.databaseUrl });
    await database.connect();
    const facts = JSON.stringify({ disk: { free_bytes: 34 * 1024 ** 3 } });
    await database.query(`update servers set facts = $1, state = 'verified' where name = 'web-2'`, [facts]);
    await database.end();
    browser = await startBrowser(aegir.url.replace('127.0.0.1', 'localhost'));
    await signIn(browser, aegir);
  });

  afterAll(async () => {
    await browser?.stop();
    await aegir?.stop();
  });

  test('the form follows what is chosen, and the page of the Environment tells the reason', async () => {
    const { page } = browser;
    const field = (label: string) => page.getByLabel(label, { exact: true });
    await page.getByRole('link', { name: 'Environments' }).first().click();
    await page.getByRole('link', { name: 'Add Environment' }).first().click();
    await field('Name').fill('pages');
    await field('Release').selectOption({ label: 'v1' });
    await field('Cluster optional').selectOption({ label: 'farm' });
    await page.getByText('Web server: web-2 – web-2 has most room: 34 GiB free').waitFor();
    await field('Web server optional').selectOption({ label: 'web-1' });
    await page.getByText('Web server: web-1 – chosen by hand').waitFor();
    await field('Web server optional').selectOption('');
    await page.getByText('web-2 has most room').waitFor();
    await field('Primary name').fill('pages.example.org');
    await forEachLook(page, async look => {
      if (process.env.PICTURES)
        await page.screenshot({ path: `${process.env.PICTURES}/form-${look}.png`, fullPage: true });
      expect(await findOverflow(page), look).toEqual([]);
    });
    await page.getByRole('button', { name: 'Add Environment' }).click();
    await page.getByRole('heading', { name: 'pages', level: 1 }).waitFor();
    await page.getByText('web-2 has most room: 34 GiB free for 0 Environments; web-1: not verified yet').waitFor();
    await forEachLook(page, async look => {
      if (process.env.PICTURES)
        await page.screenshot({ path: `${process.env.PICTURES}/page-${look}.png`, fullPage: true });
      expect(await findOverflow(page), look).toEqual([]);
    });
    await page.getByRole('link', { name: 'Servers' }).first().click();
    await page.getByRole('link', { name: 'Add Server' }).first().click();
    await page.getByRole('heading', { name: 'Database' }).waitFor();
    if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/server.png`, fullPage: true });
    expect(browser.takeErrors()).toEqual([]);
  });
});
