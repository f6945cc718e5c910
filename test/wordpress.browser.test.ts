// Somebody hosts a WordPress site in a real browser: installs it by its form, and opens its dashboard by one button.

import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, canRunBrowser, open, startBrowser } from './browser.ts';
import { type Farm, startFarm } from './farm.ts';
import { type Operator, operatorOf } from './operator.ts';
import { canRunHosts } from './test-host.ts';
import { makeWordPressRepository } from './wordpress-repository.ts';

const reason = canRunBrowser() ?? canRunHosts();
if (reason) console.warn(`Skipped: WordPress in a browser. ${reason}`);

const title = 'Ada’s diary';
const site = 'http://diary.example.org/';

/** Two hosts install all that they need; on a loaded machine that takes many minutes. */
const setUpMs = 1_200_000;
const installMs = 300_000;

describe.skipIf(reason !== null)('WordPress in a browser', () => {
  let farm: Farm;
  let operator: Operator;
  let browser: Browser;
  let page: Page;
  let address: string;

  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const link = (name: string) => page.getByRole('link', { name, exact: true });
  const field = (label: string) => page.getByLabel(label, { exact: true });
  const state = (name: string) => page.locator(`.page-title [data-state="${name}"]`);
  /** The form of “Install” is open; afterwards the page of the Operation, which has succeeded. */
  const install = async () => {
    await button('Install').click();
    await page.waitForURL(/\/operations\/[0-9A-Z]{26}$/);
    await state('succeeded').or(state('failed')).waitFor({ timeout: installMs });
    expect(await state('succeeded').count(), await page.locator('main').innerText()).toBe(1);
  };
  const loginLink = async () => (await operator.must('run', 'log_in', 'diary')).trim();
  const openTab = async (press: () => Promise<void>) => {
    const [tab] = await Promise.all([browser.context.waitForEvent('page'), press()]);
    return tab;
  };

  beforeAll(async () => {
    farm = await startFarm('wpb', { web: { php_versions: ['8.2'] } });
    operator = operatorOf(farm.aegir);
    await makeWordPressRepository(join(farm.repositories, 'diary'));
    await farm.addRelease('diary', 'wordpress');
    const place = { release: 'diary/v1', cluster: 'farm', primary_name: 'diary.example.org' };
    address = `/environments/${(await farm.make('environments', { name: 'diary', ...place })).id}`;
    // Cookies belong to a host: the one of the sign-in link.
    browser = await startBrowser(farm.aegir.url.replace('127.0.0.1', 'localhost'), [
      `--host-resolver-rules=MAP *.example.org ${farm.web.address}`,
    ]);
    page = browser.page;
  }, setUpMs);

  afterAll(async () => {
    await browser?.stop();
    await farm?.stop();
  });

  test('a password can be set later: neither a reload nor another page asks for it again', async () => {
    const { url } = (await farm.aegir.call<{ url: string }>('POST', '/api/sign-in-links')).body;
    await page.goto(url);
    await button('Later').click();
    await open(page, '/environments');
    await page.getByRole('heading', { name: 'Environments', level: 1 }).waitFor();
  });

  test('a site is installed by its form, and its page has the title that was typed', async () => {
    await link('diary').click();
    await link('Install').click();
    await field('Title optional').fill(title);
    await field('Administrator optional').fill('ada');
    await install();
    await link('diary').click();
    await state('enabled').waitFor();
    const tab = await openTab(() => page.locator('.site-names .open-link').click());
    await tab.waitForURL(site);
    await expect.poll(() => tab.title(), { timeout: 60_000 }).toBe(title);
    await tab.close();
  });

  test('a second run changes nothing, and asks no more for what only the first one needs', async () => {
    await open(page, `${address}/run/install_environment`);
    await button('Install').waitFor();
    expect(await field('Title optional').count()).toBe(0);
    await install();
    const { tasks } = await operator.lastOperation('environments/diary');
    expect(tasks.filter(task => task.changed).map(task => task.type)).toEqual([]);
    expect(await page.getByText('no change', { exact: true }).count()).toBe(tasks.length);
  });

  test('the site’s status is shown at once', async () => {
    await open(page, address);
    await button('Site status').click();
    const found = page.getByRole('region', { name: 'Site status' });
    await found.getByText(title).waitFor();
    await found.getByText('WordPress', { exact: true }).waitFor();
    await found.getByRole('button', { name: 'Close' }).click();
  });

  test('one button opens the dashboard in a new tab, and the link is not on the page', async () => {
    const tab = await openTab(() => button('Log in').click());
    await tab.waitForURL(`${site}wp-admin/`);
    await expect.poll(() => tab.title(), { timeout: 60_000 }).toContain('Dashboard');
    await tab.locator('#wp-admin-bar-my-account').getByText('ada').first().waitFor();
    await tab.close();
    expect(await page.content()).not.toContain('aegir-login');
  });

  test('a link that was used says so, in a browser that is not signed in', async () => {
    const url = await loginLink();
    const signOut = () => browser.context.clearCookies({ domain: 'diary.example.org' });
    await signOut();
    const tab = await browser.context.newPage();
    await tab.goto(url);
    expect(await tab.title()).toContain('Dashboard');
    await signOut();
    await tab.goto(url);
    expect(await tab.title()).toBe('This link was used');
    await tab.close();
  });
});
