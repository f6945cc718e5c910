// Somebody hosts a WordPress site in a real browser: installs it by its form, and opens its dashboard by one button.

import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, canRunBrowser, open, startBrowser } from './browser.ts';
import { type Farm, startFarm } from './farm.ts';
import { canRunHosts } from './test-host.ts';
import { makeWordPressRepository } from './wordpress-repository.ts';

const reason = canRunBrowser() ?? canRunHosts();
if (reason) console.warn(`Skipped: WordPress in a browser. ${reason}`);

const title = 'Ada’s diary';

/** Two hosts install all that they need; on a loaded machine that takes many minutes. */
const setUpMs = 1_200_000;

describe.skipIf(reason !== null)('WordPress in a browser', () => {
  let farm: Farm;
  let browser: Browser;
  let page: Page;

  const button = (name: string, within: Page | Locator = page) => within.getByRole('button', { name, exact: true });
  const link = (name: string) => page.getByRole('link', { name, exact: true });
  const field = (label: string) => page.getByLabel(label, { exact: true });
  const state = (name: string) => page.locator(`.page-title [data-state="${name}"]`);

  beforeAll(async () => {
    farm = await startFarm('wpb', { web: { php_versions: ['8.2'] } });
    await makeWordPressRepository(join(farm.repositories, 'diary'));
    await farm.addRelease('diary', 'wordpress');
    await farm.make('environments', {
      name: 'diary',
      release: 'diary/v1',
      cluster: 'farm',
      primary_name: 'diary.example.org',
    });
    browser = await startBrowser(farm.aegir.url.replace('127.0.0.1', 'localhost'), [
      `--host-resolver-rules=MAP *.example.org ${farm.web.address}`,
    ]);
    page = browser.page;
    const { url } = (await farm.aegir.call<{ url: string }>('POST', '/api/sign-in-links')).body;
    await page.goto(url);
    await button('Later').click();
  }, setUpMs);

  afterAll(async () => {
    await browser?.stop();
    await farm?.stop();
  });

  test('a site is installed by its form, and its page has the title that was typed', async () => {
    await open(page, '/environments');
    await link('diary').click();
    await link('Install').click();
    await field('Title').fill(title);
    await field('Administrator').fill('ada');
    await button('Install').click();
    await page.waitForURL(/\/operations\/[0-9A-Z]{26}$/);
    await page
      .locator('.page-title :is([data-state="succeeded"], [data-state="failed"])')
      .waitFor({ timeout: 300_000 });
    expect(await state('succeeded').count(), await page.locator('main').innerText()).toBe(1);
    await link('diary').click();
    await state('enabled').waitFor();
    const [site] = await Promise.all([
      browser.context.waitForEvent('page'),
      page.locator('.site-names .open-link').click(),
    ]);
    await site.waitForLoadState();
    expect(await site.title()).toBe(title);
    await site.close();
  });

  test('the site’s status is shown at once', async () => {
    await button('Site status').click();
    const found = page.locator('.found');
    await found.getByText(title).waitFor();
    expect(await found.innerText()).toContain('WordPress');
    await button('Close', found).click();
  });

  test('one button opens the dashboard in a new tab, and the link is not on the page', async () => {
    const opened = browser.context.waitForEvent('page');
    await button('Log in').click();
    const site = await opened;
    await site.waitForURL('http://diary.example.org/wp-admin/');
    expect(await site.title()).toContain('Dashboard');
    await site.locator('#wp-admin-bar-my-account').getByText('ada').first().waitFor();
    await site.close();
    expect(await page.content()).not.toContain('aegir-login');
  });

  test('a link that was used says so, in a browser that is not signed in', async () => {
    const answer = await farm.aegir.call<{ outputs: { url: string } }>('POST', '/api/environments/diary/actions', {
      type: 'log_in',
      input: {},
    });
    await browser.context.clearCookies({ domain: 'diary.example.org' });
    const site = await browser.context.newPage();
    await site.goto(answer.body.outputs.url);
    expect(await site.title()).toContain('Dashboard');
    await browser.context.clearCookies({ domain: 'diary.example.org' });
    await site.goto(answer.body.outputs.url);
    expect(await site.title()).toBe('This link was used');
    await site.close();
  });
});
