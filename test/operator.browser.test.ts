// The story of somebody who hosts a site, in a real browser: from the one-time link to the page that answers.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OperationView } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { locateCaddy, startCaddy } from '../start/caddy.ts';
import type { Running } from '../start/launch.ts';
import { freePort } from '../start/ports.ts';
import { type Browser, canRunBrowser, findOverflow, forEachLook, open, settle, startBrowser } from './browser.ts';
import { commitFiles } from './git-server.ts';
import { type Aegir, startAegir } from './harness.ts';
import { pythonBin } from './play-role.ts';
import { makeTypeFolder } from './task-types.ts';

const reason = canRunBrowser();
if (reason) console.warn(`Skipped: the operator's story in a browser. ${reason}`);

const password = 'correct horse battery';
const siteName = 'shop.localhost';
// The pre-flight and the seven of install_environment for plain files.
const steps = 8;

// What the browser itself writes when an answer is an error; the pages show it in words.
const failedLoad = (status: number) => new RegExp(`^Failed to load resource: .*status of ${status}`);

/** Prints 200 lines, and after every fifty waits until the test lets it go on. */
const printer = (gates: string) => `i=0
while [ $i -lt 200 ]; do
  i=$((i+1)); echo "counted $i"
  if [ $((i % 50)) -eq 0 ]; then until [ -e '${gates}/'$i ]; do sleep 0.05; done; fi
done`;

describe.skipIf(reason !== null)('the operator in a browser', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-operator-'));
  const gates = join(folder, 'gates');
  const types = makeTypeFolder();
  let aegir: Aegir;
  let caddy: Running;
  let webPort: number;
  let browser: Browser;
  let page: Page;

  const button = (name: string, within: Page | Locator = page) => within.getByRole('button', { name, exact: true });
  const link = (name: string, within: Page | Locator = page) => within.getByRole('link', { name, exact: true });
  const field = (label: string, within: Page | Locator = page) => within.getByLabel(label, { exact: true });
  const heading = (name: string) => page.getByRole('heading', { name, exact: true, level: 1 });
  const state = (name: string) => page.locator(`.page-title [data-state="${name}"]`);
  const create = async (plural: string, values: Record<string, unknown>): Promise<Entity> => {
    const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values });
    expect(status, JSON.stringify(body)).toBe(201);
    return body;
  };
  const letGoOn = (line: number) => writeFileSync(join(gates, String(line)), '');
  /** Starts what the page offers, by its button and its form. */
  const start = async (title: string, fill: () => Promise<unknown> = async () => undefined): Promise<string> => {
    await link(title).click();
    await page.getByRole('heading', { name: new RegExp(`^${title}: `), level: 1 }).waitFor();
    await fill();
    await button(title).click();
    await page.waitForURL(/\/operations\/[0-9A-Z]{26}$/);
    return page.url().split('/').at(-1) ?? '';
  };

  beforeAll(async () => {
    mkdirSync(gates);
    types.shellTask('count_slowly', printer(gates));
    types.operation('count', 'environment', '[{id: count, task: count_slowly}]', 'states: {}\n');
    await commitFiles(join(folder, 'shop.git'), { 'index.html': '<h1>Welcome to the shop</h1>\n' });
    aegir = await startAegir({ types: types.path });
    webPort = await freePort();
    const paths = locateCaddy(folder);
    const binary = join(pythonBin, 'caddy');
    caddy = await startCaddy({ ...paths, binary, port: webPort, logFile: join(folder, 'caddy.log') });
    const cluster = await create('clusters', { name: 'here', kind: 'servers' });
    const server = await create('servers', {
      ...{ name: 'this-machine', cluster: cluster.id, connection: 'local', python: join(pythonBin, 'python') },
      ...{ web_service: 'caddy', web_port: webPort, base_path: join(folder, 'server') },
      web_settings: { binary, config: paths.config, sites: paths.sites, admin: `unix/${paths.socket}` },
    });
    expect(await aegir.run('servers', server.id, 'verify_server')).toMatchObject({ state: 'succeeded' });
    // Cookies belong to a host: the one of the sign-in link.
    browser = await startBrowser(aegir.url.replace('127.0.0.1', 'localhost'));
    page = browser.page;
  });

  afterAll(async () => {
    await browser?.stop();
    await aegir?.stop();
    await caddy?.stop();
    types.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test('a one-time link signs in once, the first password is set, and signs in again after signing out', async () => {
    await page.goto('/');
    await heading('Sign in').waitFor();
    expect(browser.takeErrors()).toEqual([expect.stringMatching(failedLoad(401))]);

    const { url } = (await aegir.call<{ url: string }>('POST', '/api/sign-in-links')).body;
    await page.goto(url);
    await heading('Set your password').waitFor();
    await field('Name').fill('Olga Operator');
    await field('E-mail').fill('olga@example.org');
    await field('Password').fill(password);
    await button('Save').click();
    await heading('Home').waitFor();
    await page.getByText('Olga Operator').waitFor();

    await button('Sign out').click();
    await heading('Sign in').waitFor();
    await page.goto(url);
    await page.getByText('This link was used already or is too old.').waitFor();
    await page.goto('/environments');
    await field('E-mail').fill('olga@example.org');
    await field('Password').fill('not the password');
    await button('Sign in').click();
    await page.getByText('Invalid email or password').waitFor();
    await field('Password').fill(password);
    await button('Sign in').click();
    // The page that was asked for follows.
    await heading('Environments').waitFor();
    const errors = browser.takeErrors();
    expect(errors.filter(error => !failedLoad(401).test(error))).toEqual([]);
  });

  test('a Project and a Release are made by forms, and the code is built on the Server', async () => {
    await open(page, '/projects');
    await link('Add Project').click();
    await field('Name').fill('shop');
    await field('Git repository').fill(pathToFileURL(join(folder, 'shop.git')).href);
    await button('Add Project').click();
    await heading('shop').waitFor();

    await link('Add Release').click();
    await heading('Add Release').waitFor();
    await field('Name').fill('first');
    await field('Branch, tag or hash').fill('main');
    await button('Add Release').click();
    await heading('first').waitFor();
    await start('Build', () => field('Server').selectOption('this-machine'));
    await state('succeeded').waitFor();
    await link('first').click();
    await state('verified').waitFor();
    await page.getByText('Where it lies').waitFor();
    expect(browser.takeErrors()).toEqual([]);
  });

  test('a wrong host name is refused beside its field, and what was typed stays', async () => {
    await open(page, '/environments/new');
    await field('Name').fill('shop');
    await field('Release').selectOption('first');
    await field('Web server optional').selectOption('this-machine');
    await field('Primary name').fill('http://Shop');
    await button('Add to Aliases').click();
    await field('Aliases 1').fill('www..example.org');
    await button('Add Environment').click();
    const primary = page.locator('.field', { has: field('Primary name') });
    await primary.locator('.messages').waitFor();
    expect(await primary.locator('.messages').innerText()).toMatch(/lower case/);
    expect(await field('Primary name').getAttribute('aria-invalid')).toBe('true');
    expect(await field('Primary name').inputValue()).toBe('http://Shop');
    await page.getByText('Entry 1: has an empty part').waitFor();
    expect(browser.takeErrors()).toEqual([expect.stringMatching(failedLoad(422))]);

    await field('Primary name').fill(siteName);
    await field('Aliases 1').fill(`www.${siteName}`);
    await button('Add Environment').click();
    await heading('shop').waitFor();
    await state('new').waitFor();
    expect(browser.takeErrors()).toEqual([]);
  });

  test('an Operation that cannot run now says why, beside its button', async () => {
    const offer = page.locator('.offer', { has: button('Verify') });
    await offer.waitFor();
    expect(await button('Verify').isDisabled()).toBe(true);
    expect(await offer.locator('.offer-reason').isVisible()).toBe(true);
    expect(await offer.locator('.offer-reason').innerText()).toMatch(/new/);
  });

  test('Install is pressed, its log arrives while it runs, and the site shows its text', async () => {
    await start('Install');
    await page.locator('.frame:has(.page-title [data-state="running"]) .log-line').first().waitFor();
    // It takes half a minute alone, and many times that beside others.
    await state('succeeded').waitFor({ timeout: 300_000 });
    expect(await page.locator('.timeline .step [data-state="succeeded"]').count()).toBe(steps);
    await link('shop').click();
    await state('enabled').waitFor();
    const [site] = await Promise.all([
      browser.context.waitForEvent('page'),
      page.locator('.site-names .open-link').click(),
    ]);
    await site.getByRole('heading', { name: 'Welcome to the shop' }).waitFor();
    expect(site.url()).toBe(`http://${siteName}:${webPort}/`);
    await site.close();
    // The browser asks any site for its icon.
    expect(browser.takeErrors().filter(error => !failedLoad(404).test(error))).toEqual([]);
  });

  test('the Operation page folds steps, tells the engine’s history and gives the raw log', async () => {
    await page.locator('.cell-main').getByText('Install', { exact: true }).click();
    await heading('Install: shop').waitFor();
    const fold = page.locator('.log-step button').first();
    await fold.waitFor();
    const rows = page.locator('.log-row');
    await page.locator('.log-section').first().waitFor();
    await button('Fold all').click();
    // What is left: a heading for each step.
    await expectSoon(async () => expect(await rows.count()).toBe(steps));
    await fold.click();
    await expectSoon(async () => expect(await fold.getAttribute('aria-expanded')).toBe('true'));
    await button('Unfold all').click();
    await page.locator('.log-line').first().waitFor();

    const details = page.locator('.step').last().getByText('Details', { exact: true });
    await details.click();
    await page.getByText('./aegir task reproduce').waitFor();
    await page.getByText('Engine', { exact: true }).click();
    await page.locator('.engine li').first().waitFor();
    expect(await page.locator('.engine').innerText()).toMatch(/probe/i);

    const [download] = await Promise.all([page.waitForEvent('download'), link('Raw log').click()]);
    const operation = page.url().split('/').at(-1) ?? '';
    expect(readFileSync(await download.path(), 'utf8')).toBe(await aegir.log(operation));
    expect(browser.takeErrors()).toEqual([]);
  });

  test('a reload in the middle shows what was printed, and a lost connection is said and caught up without gaps or doubles', async () => {
    await open(page, '/environments');
    await link('shop').click();
    const operation = await start('count');
    const line = (number: number) => page.locator('.log-text').getByText(`counted ${number}`, { exact: true });
    await line(50).waitFor();
    await state('running').waitFor();

    await page.reload();
    await line(50).waitFor();
    expect(await readShownLines(page)).toEqual(counted(50));
    letGoOn(50);
    await line(100).waitFor();
    expect(browser.takeErrors()).toEqual([]);

    await aegir.server.stop(true);
    await page.getByText('Connection lost, trying again').waitFor();
    await page.getByText('The connection to Aegir is lost').waitFor();
    letGoOn(100);
    await aegir.startServer();
    await line(150).waitFor();
    await page.getByText('The connection to Aegir is lost').waitFor({ state: 'detached' });
    browser.takeErrors();
    letGoOn(150);
    letGoOn(200);
    await state('succeeded').waitFor();
    await line(200).waitFor();
    expect(await readShownLines(page)).toEqual(counted(200));
    const { body } = await aegir.call<OperationView>('GET', `/api/operations/${operation}`);
    expect(body.tasks.flatMap(task => task.attempts).length).toBe(body.tasks.length);
    expect(browser.takeErrors()).toEqual([]);
  });

  test('deleting asks for the name, both of an entry and of a site with its files', async () => {
    await create('clusters', { name: 'spare', kind: 'servers' });
    await open(page, '/clusters');
    await link('spare').click();
    await button('Delete entry').click();
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    expect(await button('Delete entry', dialog).isDisabled()).toBe(true);
    await dialog.getByLabel('Type spare to confirm').fill('spar');
    expect(await button('Delete entry', dialog).isDisabled()).toBe(true);
    await dialog.getByLabel('Type spare to confirm').fill('spare');
    await button('Delete entry', dialog).click();
    await heading('Clusters').waitFor();
    await link('spare').waitFor({ state: 'detached' });

    await create('environments', {
      ...{ name: 'gone', primary_name: 'gone.localhost' },
      release: (await aegir.call<{ items: Entity[] }>('GET', '/api/releases')).body.items[0]?.id,
      web_server: (await aegir.call<Entity>('GET', '/api/servers/this-machine')).body.id,
    });
    await open(page, '/environments');
    await link('gone').click();
    await start('Delete', async () => {
      expect(await button('Delete').isDisabled()).toBe(true);
      await page.getByLabel('Type gone to confirm').fill('gone');
    });
    await state('succeeded').waitFor();
    await link('gone').click();
    await state('deleted').waitFor();
    expect(browser.takeErrors()).toEqual([]);
  });

  test('no page scrolls sideways or complains, on a telephone, a tablet and a desk, light and dark', async () => {
    const idOf = async (path: string) => (await aegir.call<Entity>('GET', `/api/${path}`)).body.id;
    const environment = await idOf('environments/shop');
    const latest = await aegir.call<{ items: OperationView[] }>('GET', `/api/operations?type=install_environment`);
    const paths = [
      ...['/', '/operations', '/catalogue', '/audit', '/tokens'],
      ...['/environments', '/releases', '/projects', '/servers', '/clusters', '/organisations'],
      ...['/environments/new', '/servers/new', '/projects/new'],
      ...[`/environments/${environment}`, `/environments/${environment}/edit`],
      `/environments/${environment}/run/delete_environment`,
      `/servers/${await idOf('servers/this-machine')}`,
      `/operations/${latest.body.items[0]?.id}`,
    ];
    const wrong: string[] = [];
    const grounds = new Set<string>();
    for (const path of paths) {
      await open(page, path);
      await forEachLook(page, async name => {
        const overflow = await findOverflow(page);
        if (overflow.length > 0) wrong.push(`${path} ${name}: ${overflow.join(' ')}`);
        grounds.add(await page.evaluate<string>('getComputedStyle(document.body).backgroundColor'));
      });
    }
    expect(wrong).toEqual([]);
    // Light and dark really differ, and are the same on all pages.
    expect(grounds.size).toBe(2);
    expect(browser.takeErrors()).toEqual([]);
  });
});

/** Tries until it holds: the page draws in its next frames. */
async function expectSoon(check: () => Promise<void>): Promise<void> {
  await expect.poll(() => check().then(() => '', String), { timeout: 30_000 }).toBe('');
}

const counted = (length: number) => Array.from({ length }, (_, index) => `counted ${index + 1}`);

const log = `document.querySelector('[role="log"]')`;
const linesInSight = `[...${log}.querySelectorAll('.log-line')].map(line => [
  Math.round(line.getBoundingClientRect().top - ${log}.getBoundingClientRect().top + ${log}.scrollTop),
  line.querySelector('.log-text').textContent,
])`;

/** What was counted, read as a person does: only the lines in sight are in the page. Each place is read once. */
async function readShownLines(page: Page): Promise<string[]> {
  const lines = new Map<number, string>();
  const height = await page.evaluate<number>(`${log}.scrollHeight`);
  // Less than the box is high.
  for (let top = 0; top <= height; top += 200) {
    await page.evaluate(`${log}.scrollTop = ${top}`);
    await settle(page);
    for (const [place, text] of await page.evaluate<[number, string][]>(linesInSight)) lines.set(place, text);
  }
  const inOrder = [...lines].sort(([a], [b]) => a - b).map(([, text]) => text);
  return inOrder.filter(text => text.startsWith('counted'));
}
