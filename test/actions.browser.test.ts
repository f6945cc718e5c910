// Actions on the page of an entity, in a real browser: a link is opened once and stays nowhere, what was found out is shown.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Entity } from '../model/entities.ts';
import { type Browser, canRunBrowser, findOverflow, forEachLook, open, startBrowser } from './browser.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

const reason = canRunBrowser();
if (reason) console.warn(`Skipped: Actions in a browser. ${reason}`);
const key = 'k3y-0f-0ne-login';

describe.skipIf(reason !== null)('Actions in a browser', () => {
  const types = makeTypeFolder();
  const visits: string[] = [];
  let site: Server;
  let aegir: Aegir;
  let browser: Browser;
  let page: Page;
  let address: string;

  const button = (name: string) => page.getByRole('button', { name, exact: true });

  beforeAll(async () => {
    site = createServer((request, response) => {
      visits.push(`${request.url} ${request.headers.referer ?? ''}`.trim());
      response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Dashboard</title>Welcome');
    });
    await new Promise<void>(resolve => site.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(site.address() as AddressInfo).port}/once/${key}`;
    const give = (text: string) => `cat >/dev/null; echo '${JSON.stringify({ url: text })}' > "$AEGIR_OUTPUTS"`;
    const link = { meta: 'outputs: {url: {type: str, help: Link}}\n' };
    types.shellTask('make_link', give(url), link);
    types.shellTask('make_code', give('javascript:alert(1)'), link);
    const status = { version: '6.8', database: { host: 'db1', up: true }, problems: ['no cron', 'no mail'] };
    const say = `cat >/dev/null; echo '${JSON.stringify({ status })}' > "$AEGIR_OUTPUTS"`;
    types.shellTask('read_status', say, { meta: 'outputs: {status: {type: dict, help: State}}\n' });
    types.shellTask('say_word', 'cat; echo; echo "cannot say it" >&2; exit 3', {
      options: 'word: {type: str, description: A word, required: true}',
    });
    const action = (name: string, title: string, task: string, more = '') =>
      types.put(
        `operations/${name}.yml`,
        `title: ${title}\ndescription: For tests.\non: project\naction: true\n${more}steps: [{id: only, task: ${task}}]\n`,
      );
    action('log_into', 'Log into it', 'make_link', 'opens: url\n');
    action('log_wrong', 'Log wrong', 'make_code', 'opens: url\n');
    action('look', 'Look at it', 'read_status');
    action('say', 'Say it', 'say_word');
    aegir = await startAegir({ types: types.path });
    const values = { name: 'shop', repository: 'https://example.org/shop.git', application: 'static' };
    const { id } = (await aegir.call<Entity>('POST', '/api/projects', { values })).body;
    address = `/projects/${id}`;
    await aegir.call('POST', '/api/session/password', { password: 'correct horse battery', email: 'olga@example.org' });
    const signIn = await aegir.call<{ url: string }>('POST', '/api/sign-in-links');
    // Cookies belong to a host: the one of the sign-in link.
    browser = await startBrowser(aegir.url.replace('127.0.0.1', 'localhost'));
    page = browser.page;
    await page.goto(signIn.body.url);
    await page.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
    await open(page, address);
  });

  afterAll(async () => {
    await browser?.stop();
    await aegir?.stop();
    site?.close();
    types.remove();
  });

  test('a link is opened in a new tab once, and stands nowhere on the page', async () => {
    const [tab] = await Promise.all([browser.context.waitForEvent('page'), button('Log into it').click()]);
    await expect.poll(() => tab.title(), { timeout: 30_000 }).toBe('Dashboard');
    expect(await tab.evaluate('window.opener')).toBe(null);
    await page.getByText('Log into it: opened in a new tab.').waitFor();
    expect(visits.filter(visit => visit.startsWith('/once'))).toEqual([`/once/${key}`]);
    await tab.close();
    const kept =
      'document.documentElement.outerHTML + JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})';
    expect(await page.evaluate<string>(kept)).not.toContain(key);
    await open(page, address);
    expect(visits).toHaveLength(visits.filter(visit => !visit.startsWith('/once')).length + 1);
  });

  test('what would run as code is not opened', async () => {
    const [tab] = await Promise.all([browser.context.waitForEvent('page'), button('Log wrong').click()]);
    await page.getByText('What it answered is no link that could be opened.').waitFor();
    await expect.poll(() => tab.isClosed(), { timeout: 30_000 }).toBe(true);
  });

  test('what was found out is shown with names and values, in every width', async () => {
    await button('Look at it').click();
    const found = page.getByRole('region', { name: 'Look at it' });
    await found.waitFor();
    for (const text of ['version', '6.8', 'db1', 'no cron', 'no mail']) await found.getByText(text).waitFor();
    await forEachLook(page, async name => expect(await findOverflow(page), name).toEqual([]));
    await page.setViewportSize({ width: 1400, height: 900 });
    await found.getByRole('button', { name: 'Close' }).click();
    await found.waitFor({ state: 'detached' });
  });

  test('one that needs an answer asks first, and says why it failed with its last lines', async () => {
    await page.getByRole('link', { name: 'Say it', exact: true }).click();
    await page.getByLabel('Word').fill('hello');
    expect(await page.getByText('Reason').count()).toBe(0);
    await button('Say it').click();
    await page.getByText('say_word ended with code 3: cannot say it').waitFor();
    await page.getByText('"word":"hello"').waitFor();
    // Networks of test hosts come and go on this machine.
    expect(browser.takeErrors().filter(error => !error.includes('ERR_NETWORK_CHANGED'))).toEqual([]);
  });
});
