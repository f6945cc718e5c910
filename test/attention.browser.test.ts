// What a person sees and does when an Operation waits: for its turn, for a decision, after its end, or for a part that is away.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import type { OperationView } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Browser, canRunBrowser, findOverflow, forEachLook, open, startBrowser } from './browser.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

const reason = canRunBrowser();
if (reason) console.warn(`Skipped: waiting and deciding in a browser. ${reason}`);

const secret = 'k3y-0f-th3-d00r';

describe.skipIf(reason !== null)('waiting and deciding in a browser', () => {
  const types = makeTypeFolder();
  const journal = join(types.path, 'journal');
  const go = join(types.path, 'go');
  let engine: TcpProxy;
  let aegir: Aegir;
  let browser: Browser;
  let page: Page;
  let project: Entity;

  const entries = () => (existsSync(journal) ? readFileSync(journal, 'utf8').trimEnd().split('\n') : []);
  const button = (name: string, within: Page | Locator = page) => within.getByRole('button', { name, exact: true });
  const link = (name: string, within: Page | Locator = page) => within.getByRole('link', { name, exact: true });
  const state = (name: string) => page.locator(`.page-title [data-state="${name}"]`);
  const step = (id: string) => page.locator(`.step[data-step="${id}"]`);
  const panel = () => page.locator('.attention');
  const dialog = () => page.locator('dialog[open]');
  const view = async (id: string) => (await aegir.call<OperationView>('GET', `/api/operations/${id}`)).body;
  const start = async (type: string, input: Record<string, unknown> = {}) => {
    const path = `/api/projects/${project.id}/operations`;
    const { status, body } = await aegir.call<OperationView>('POST', path, { type, input });
    expect(status, JSON.stringify(body)).toBe(201);
    return body.id;
  };
  /** A page of one whose door is closed: it needs attention. */
  const openParked = async (input: Record<string, unknown> = {}) => {
    const id = await start('furnish', input);
    await open(page, `/operations/${id}`);
    await state('needs_attention').waitFor();
    await panel().waitFor();
    return id;
  };
  const titles = (within: string) => dialog().locator(`[data-resume="${within}"] li`).allInnerTexts();
  const plain = (texts: string[]) => texts.map(text => text.replace(/\s+/g, ' ').trim());

  beforeAll(async () => {
    const put = `read -r json
n=$(echo "$json" | sed -n 's/.*"thing": *"\\([^"]*\\)".*/\\1/p')
echo "put $n" >> ${journal}; echo "Put the $n."; echo "{\\"made\\": \\"$n\\"}" > "$AEGIR_OUTPUTS"`;
    const take = `read -r json
echo "took $(echo "$json" | sed -n 's/.*"made": *"\\([^"]*\\)".*/\\1/p')" >> ${journal}`;
    const door = `read -r json
d=$(echo "$json" | sed -n 's/.*"door": *"\\([^"]*\\)".*/\\1/p')
case "$json" in *${secret}*) echo "key $d" >> ${journal};; esac
if [ "$d" != open ]; then echo "The door is $d."; exit 7; fi`;
    const thing = 'thing: {type: str, description: What, required: true}';
    types.shellTask('put_thing', put, {
      options: thing,
      meta: 'outputs:\n  made: {type: str, help: What is there}\nundo: take_thing\n',
    });
    types.shellTask('take_thing', take, { options: 'made: {type: str, description: What, required: true}' });
    types.shellTask('pass_door', door, {
      options:
        'door: {type: str, description: How the door is., default: closed}, key: {type: str, description: For the door., no_log: true}',
      meta: 'arguments:\n  door: {format: host_name}\n',
    });
    types.shellTask('wait_here', `echo waiting >> ${journal}; until [ -e ${go} ]; do sleep 0.05; done`);
    const lock = 'locks: {project: exclusive}\n';
    putFurnish('For tests.');
    types.put(
      'operations/hold.yml',
      `title: Hold\ndescription: For tests.\non: project\n${lock}steps:\n  - {id: table, task: put_thing, with: {thing: table}}\n  - {id: wait, task: wait_here}\n`,
    );
    types.put(
      'operations/furnish_both.yml',
      'title: Furnish both\ndescription: For tests.\non: project\nsteps:\n  - id: both\n    parallel:\n      - {id: one, operation: furnish}\n      - {id: two, operation: furnish}\n',
    );
    engine = await startTcpProxy(inject('temporalAddress'));
    aegir = await startAegir({ types: types.path, environment: { TEMPORAL_ADDRESS: engine.address } });
    const values = { name: 'shop', repository: 'https://example.org/shop.git', application: 'static' };
    project = (await aegir.call<Entity>('POST', '/api/projects', { values })).body;
    await aegir.call('POST', '/api/session/password', { password: 'correct horse battery', email: 'olga@example.org' });
    const signIn = await aegir.call<{ url: string }>('POST', '/api/sign-in-links');
    // Cookies belong to a host: the one of the sign-in link.
    browser = await startBrowser(aegir.url.replace('127.0.0.1', 'localhost'));
    page = browser.page;
    await page.goto(signIn.body.url);
    await page.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
  });

  function putFurnish(description: string): void {
    types.put(
      'operations/furnish.yml',
      `title: Furnish\ndescription: ${description}\non: project\nlocks: {project: exclusive}\nsteps:\n  - {id: table, task: put_thing, title: Put the table, with: {thing: table}}\n  - {id: door, task: pass_door, title: Pass the door, skippable: true}\n  - {id: lamp, task: put_thing, title: Put the lamp, with: {thing: lamp}}\n`,
    );
  }

  afterEach(async () => {
    rmSync(go, { force: true });
    await page?.setViewportSize({ width: 1400, height: 900 });
  });

  afterAll(async () => {
    await browser?.stop();
    await aegir?.stop();
    await engine?.stop();
    types.remove();
  });

  test('a failed step says what happened and what each answer would do; with a changed field the retry succeeds', async () => {
    const id = await openParked({ key: secret });
    await panel().getByText('A step has failed: how to go on?').waitFor();
    expect(await panel().locator('.attention-message').innerText()).toContain('The door is closed.');
    const effect = (name: string) =>
      panel()
        .locator('.choice', { has: button(name) })
        .locator('p')
        .first()
        .innerText();
    expect(await effect('Retry')).toContain('Runs Pass the door again. Then: Put the lamp.');
    expect(await effect('Skip')).toContain('Goes on without Pass the door.');
    expect(await effect('Undo')).toContain('Put the table');
    expect(await effect('Leave as it is')).toContain('it can be resumed later');
    await link('Needs attention (1)').waitFor();
    await forEachLook(page, async name => expect(await findOverflow(page), name).toEqual([]));
    await page.setViewportSize({ width: 1400, height: 900 });

    await button('Show its log', panel()).click();
    await page.locator('.log-line').getByText('The door is closed.', { exact: true }).waitFor();

    await panel().getByText('Change fields of “Pass the door” first').click();
    const door = panel().getByLabel('Door');
    expect(await door.inputValue()).toBe('closed');
    await panel().getByText('Set; its value is never shown.').waitFor();
    await door.fill('Wide Open');
    await button('Retry', panel()).click();
    await panel()
      .locator('.field', { has: page.getByLabel('Door') })
      .locator('.messages')
      .waitFor();
    expect(await door.getAttribute('aria-invalid')).toBe('true');
    expect(browser.takeErrors()).toEqual([expect.stringContaining('422')]);

    await door.fill('open');
    await button('Retry', panel()).click();
    await state('succeeded').waitFor();
    await panel().waitFor({ state: 'detached' });
    await link('Needs attention (1)').waitFor({ state: 'detached' });
    await step('door').getByText('Attempt 2').waitFor();
    const done = await view(id);
    expect(done.tasks.map(task => task.attempts.length)).toEqual([1, 1, 2, 1]);
    // The secret went along although it was not typed again.
    expect(entries()).toEqual(['put table', 'key closed', 'key open', 'put lamp']);
    expect(browser.takeErrors()).toEqual([]);
  });

  test('a step is skipped by who says so, and what is done is undone step by step', async () => {
    await openParked();
    await button('Skip', panel()).click();
    await state('succeeded').waitFor();
    expect(await step('door').locator('[data-state]').first().getAttribute('data-state')).toBe('skipped');
    expect(await step('door').innerText()).toMatch(/by \S+/);

    rmSync(journal, { force: true });
    await openParked();
    await button('Undo', panel()).click();
    await state('failed').waitFor();
    await page.locator('.step', { hasText: 'Undo: ' }).waitFor();
    expect(await step('table').locator('[data-state="undone"]').count()).toBe(1);
    await page.getByText(/Undone: Put the table\./).waitFor();
    expect(entries()).toEqual(['put table', 'took table']);
    expect(browser.takeErrors()).toEqual([]);
  });

  test('what was left is resumed: the dialog lists exactly what will run, and takes a changed field', async () => {
    rmSync(journal, { force: true });
    await openParked();
    await button('Leave as it is', panel()).click();
    await state('failed').waitFor();
    await button('Resume').click();
    await dialog().locator('[data-resume="runs"]').waitFor();
    expect(plain(await titles('runs'))).toEqual(['Pre-flight worker', 'Pass the door worker', 'Put the lamp worker']);
    expect(plain(await titles('stays'))).toEqual(['Put the table worker']);
    await forEachLook(page, async name => expect(await findOverflow(page), name).toEqual([]));
    await page.setViewportSize({ width: 1400, height: 900 });
    await dialog().getByText('Change fields of “Pass the door” first').click();
    const door = dialog().getByLabel('Door');
    await door.fill('Wide Open');
    await button('Resume', dialog()).click();
    await dialog()
      .locator('.field', { has: page.getByLabel('Door') })
      .locator('.messages')
      .waitFor();
    await door.fill('open');
    await button('Resume', dialog()).click();
    await state('succeeded').waitFor();
    await page.getByText('attempt 2').first().waitFor();
    // The log of the new attempt arrives too.
    await page.locator('.log-line').getByText('Put the lamp.').waitFor();
    expect(entries()).toEqual(['put table', 'put lamp']);
    expect(browser.takeErrors()).toEqual([expect.stringContaining('422')]);
  });

  test('running again fills the form in, keeps the secret, and says what has changed in the type', async () => {
    rmSync(journal, { force: true });
    const first = await start('furnish', { door: 'open', key: secret });
    expect((await aegir.waitFor(first)).state).toBe('succeeded');
    putFurnish('Changed since.');
    await open(page, `/operations/${first}`);
    await link('Run again').click();
    await page.getByRole('heading', { name: 'Furnish: shop', level: 1 }).waitFor();
    await page.getByText('The Operation type “Furnish” has changed.').waitFor();
    expect(await page.getByLabel('Door').inputValue()).toBe('open');
    await button('Furnish').click();
    await page.waitForURL(url => /\/operations\/[0-9A-Z]{26}$/.test(url.pathname) && !url.pathname.endsWith(first));
    await state('succeeded').waitFor();
    expect(entries().filter(line => line.startsWith('key'))).toEqual(['key open', 'key open']);
    expect(browser.takeErrors()).toEqual([]);
  });

  test('two on one Project: the second says behind whom it waits, and is cancelled there at once', async () => {
    const first = await start('hold');
    const held = async () => (await view(first)).claims.map(({ position }) => position);
    await expect.poll(held, { timeout: 60_000 }).toEqual([0]);
    const second = await start('furnish');
    await open(page, `/operations/${second}`);
    await state('queued').waitFor();
    const waiting = page.locator('[data-waits-for]');
    await waiting.waitFor();
    expect(await waiting.innerText()).toMatch(
      /^Waits for the Project shop: 1st in line, behind Hold shop \(by .+, for .+\)\.$/,
    );
    expect(await link('Hold shop', waiting).getAttribute('href')).toBe(`/operations/${first}`);
    await forEachLook(page, async name => expect(await findOverflow(page), name).toEqual([]));
    await page.setViewportSize({ width: 1400, height: 900 });

    await button('Take the lock away from Hold shop').click();
    await dialog().getByText('which needs attention then').waitFor();
    await button('Leave it', dialog()).click();
    await dialog().waitFor({ state: 'detached' });

    await button('Cancel').click();
    await state('cancelled').waitFor();
    expect(await dialog().count()).toBe(0);
    expect((await view(second)).tasks.every(task => task.attempts.length === 0)).toBe(true);

    await open(page, `/operations/${first}`);
    await page.getByText('Holds 1 lock').click();
    await page.locator('.locks').getByText('for itself alone').waitFor();
    writeFileSync(go, '');
    await state('succeeded').waitFor();
    expect(browser.takeErrors()).toEqual([]);
  });

  test('a lock that is taken away lets the next in line begin, which ends what its former holder does', async () => {
    rmSync(journal, { force: true });
    const first = await start('hold');
    await expect.poll(entries, { timeout: 60_000 }).toContain('waiting');
    const second = await start('furnish', { door: 'open' });
    await open(page, `/operations/${second}`);
    await button('Take the lock away from Hold shop').click();
    await button('Take it away', dialog()).click();
    await state('succeeded').waitFor();
    const former = await aegir.waitUntilQuiet(first);
    expect([former.state, former.attentions[0]?.message]).toEqual([
      'needs_attention',
      expect.stringContaining('has taken over'),
    ]);
    await aegir.decide(former, 'leave');
    expect((await aegir.waitFor(first)).state).toBe('failed');
    expect(browser.takeErrors()).toEqual([]);
  });

  test('nested ones that run side by side each ask, and are decided one by one', async () => {
    rmSync(journal, { force: true });
    const id = await start('furnish_both');
    await open(page, `/operations/${id}`);
    await expect.poll(() => panel().count(), { timeout: 60_000 }).toBe(2);
    await panel().first().getByText('Furnish shop: A step has failed: how to go on?').waitFor();
    await forEachLook(page, async name => expect(await findOverflow(page), name).toEqual([]));
    await page.setViewportSize({ width: 1400, height: 900 });
    await panel().last().getByText('Change fields of “Pass the door” first').click();
    await panel().last().getByLabel('Door').fill('open');
    await button('Skip', panel().first()).click();
    await expect.poll(() => panel().count(), { timeout: 60_000 }).toBe(1);
    // What was typed outlives the news of the other one.
    expect(await panel().getByLabel('Door').inputValue()).toBe('open');
    await button('Retry', panel()).click();
    await state('succeeded').waitFor();
    const attempts = (await view(id)).tasks
      .filter(({ step: each }) => each === 'door')
      .map(task => task.attempts.length);
    expect(attempts.sort()).toEqual([1, 2]);
    expect(browser.takeErrors()).toEqual([]);
  });

  test('a cancel asks what becomes of the steps that are done, and then does it', async () => {
    rmSync(journal, { force: true });
    const id = await start('hold');
    await expect.poll(entries, { timeout: 60_000 }).toContain('waiting');
    await open(page, `/operations/${id}`);
    await button('Cancel').click();
    await dialog().waitFor();
    expect(await dialog().getByRole('radio').count()).toBe(3);
    expect(await dialog().getByLabel('Stop and ask me').isChecked()).toBe(true);
    await button('Cancel the Operation', dialog()).click();
    await panel().getByText('Stopped: what becomes of the steps that are done?').waitFor();
    await button('Undo', panel()).click();
    await state('cancelled').waitFor();
    expect(entries()).toEqual(['put table', 'waiting', 'took table']);
    expect(browser.takeErrors()).toEqual([]);
  });

  const away = {
    engine: { take: async () => engine.cut(), give: async () => engine.heal() },
    workers: {
      async take() {
        process.kill(aegir.worker.pid, 'SIGKILL');
        await aegir.worker.stop();
      },
      async give() {
        aegir.worker = await aegir.startWorker();
      },
    },
  };
  test.each(['engine', 'workers'] as const)(
    'every page says within 15 s what is away (%s), and that it is back',
    async part => {
      await open(page, '/projects');
      await away[part].take();
      const bar = page.locator(`[data-away="${part}"]`);
      await bar.waitFor({ timeout: 15_000 });
      expect(await bar.innerText()).toContain('Operations go on by themselves when ');
      await forEachLook(page, async name => expect(await findOverflow(page), name).toEqual([]));
      await away[part].give();
      await bar.waitFor({ state: 'detached' });
    },
  );
});
