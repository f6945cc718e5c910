// Receivers and git webhooks as an engineer sets them up and looks at them.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PushPage } from '../api/contract-pushes.ts';
import type { Entity } from '../model/entities.ts';
import { type Browser, canRunBrowser, findOverflow, forEachLook, signIn, startBrowser } from './browser.ts';
import { pushOf, sendHook } from './git-hook-sender.ts';
import { type Aegir, startAegir } from './harness.ts';
import { type HookReceiver, startHookReceiver } from './hook-receiver.ts';
import { makeTypeFolder } from './task-types.ts';

const reason = canRunBrowser();
if (reason) console.warn(`Skipped: Receivers in a browser. ${reason}`);

describe.skipIf(reason !== null)('Receivers and git webhooks in a browser', () => {
  const types = makeTypeFolder();
  const repository = 'https://example.org/shop.git';
  let aegir: Aegir;
  let hook: HookReceiver;
  let project: Entity;
  let browser: Browser;

  beforeAll(async () => {
    types.shellTask('fail_it', `echo "The ${'very-'.repeat(40)}long name of a host does not answer." >&2; exit 7`);
    types.operation('try_it', 'project', '[{id: only, task: fail_it}]', 'on_failure: {choose: leave}\n');
    aegir = await startAegir({ types: types.path });
    hook = await startHookReceiver();
    const values = { name: 'shop', repository, application: 'static' };
    project = (await aegir.call<Entity>('POST', '/api/projects', { values })).body;
    browser = await startBrowser(aegir.url.replace('127.0.0.1', 'localhost'));
    await signIn(browser, aegir);
  });

  afterAll(async () => {
    await browser?.stop();
    await aegir?.stop();
    await hook?.stop();
    types.remove();
  });

  const look = (name: string) =>
    forEachLook(browser.page, async looks => {
      if (process.env.PICTURES)
        await browser.page.screenshot({ path: `${process.env.PICTURES}/${name}-${looks}.png`, fullPage: true });
      expect(await findOverflow(browser.page), `${name} ${looks}`).toEqual([]);
    });

  test('one is added, gets a signing secret that is shown once, and a test', async () => {
    const { page } = browser;
    const field = (label: string) => page.getByLabel(label, { exact: true });
    await page.getByRole('link', { name: 'Receivers' }).first().click();
    await page.getByRole('link', { name: 'Add Receiver' }).first().click();
    await field('Name').fill('program');
    await field('Quiet from optional').fill('25:00');
    await page.getByRole('button', { name: 'Add Receiver' }).click();
    await page.getByText('is no time such as 07:30.').first().waitFor();
    await look('receiver-form');
    expect(browser.takeErrors()).toEqual([expect.stringContaining('422')]);
    await field('Quiet from optional').fill('');
    await field('Address optional').fill(`${hook.url}/services/abc`);
    await page.getByRole('button', { name: 'Add Receiver' }).click();
    await page.getByRole('heading', { name: 'program', level: 1 }).waitFor();
    await page.getByRole('button', { name: 'Make a new one' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Make a new one' }).click();
    await page.getByText('Copy it now: it is not shown again.').waitFor();
    await page.getByRole('button', { name: 'Send a test' }).click();
    await page.getByText('Test, asked for by').waitFor();
    await page.locator('td').getByText('delivered').waitFor();
    expect(hook.got.map(({ headers }) => typeof headers['webhook-signature'])).toEqual(['string']);
    await look('receiver-secret');
    await page.reload();
    await page.getByText('Test, asked for by').waitFor();
    expect(await page.getByText('Copy it now: it is not shown again.').count()).toBe(0);
    expect(browser.takeErrors()).toEqual([]);
  });

  test('one that is gone shows why, stands in what needs somebody, and takes what is sent again', async () => {
    const { page } = browser;
    hook.answer(response => response.writeHead(410).end('The channel was archived.'));
    expect((await aegir.run('projects', project.id, 'try_it')).state).toBe('failed');
    await page.locator('td').getByText('given up').waitFor();
    await page.getByRole('link', { name: 'try_it of shop' }).waitFor();
    await page.getByText('HTTP 410: The channel was archived.').first().waitFor();
    await look('receiver-trouble');
    const receiver = page.url();
    await page.goto('/needs');
    await page.getByRole('heading', { name: 'Receivers that get no messages (1)' }).waitFor();
    await look('receiver-needs');
    await page.getByRole('link', { name: 'Mend it, then send a test' }).click();
    await page.waitForURL(receiver);
    hook.answer(response => response.writeHead(204).end());
    await page
      .getByRole('row', { name: /try_it of shop/ })
      .getByRole('button', { name: 'Send again' })
      .click();
    await page.getByRole('row', { name: /try_it of shop delivered/ }).waitFor();
    await page.getByText('The channel was archived.').first().waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Receivers' }).first().click();
    await page.getByRole('row', { name: /program/ }).waitFor();
    expect(await page.getByText('The channel was archived.').count()).toBe(0);
    await look('receivers');
    expect(browser.takeErrors()).toEqual([]);
  });

  test('a Project gets a webhook secret, and says what came of each push', async () => {
    const { page } = browser;
    await page.goto(`/projects/${project.id}`);
    expect(await page.getByRole('heading', { name: 'Git webhook' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Make a new one' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Make a new one' }).click();
    const secret = (await page.locator('code.token').textContent()) ?? '';
    await page.getByRole('heading', { name: 'Git webhook' }).waitFor();
    const { url } = (await aegir.call<PushPage>('GET', `/api/projects/${project.id}/pushes`)).body;
    await page.getByText(url).waitFor();
    const sender = { url: url.replace(/^https?:\/\/[^/]+/, aegir.url), secret, repository };
    const push = pushOf(repository, 'main', 'a'.repeat(40));
    expect((await sendHook(sender, push, { signature: '0'.repeat(64) })).status).toBe(403);
    expect((await sendHook(sender, push)).status).toBe(202);
    await page.getByText('No Environment follows the branch main.').waitFor();
    await page.getByRole('row', { name: /refused/ }).waitFor();
    await look('project-pushes');
    expect(browser.takeErrors()).toEqual([]);
  });
});
