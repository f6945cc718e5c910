// Differences on pages: found in lists, looked at and accepted by keyboard alone, gone by themselves when they are put right.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, canRunBrowser, findOverflow, forEachLook, signIn, startBrowser } from './browser.ts';
import { type Aegir, startAegir } from './harness.ts';
import { pythonBin } from './play-role.ts';
import { makeTypeFolder } from './task-types.ts';

const reason = canRunBrowser();
if (reason) console.warn(`Skipped: differences in a browser. ${reason}`);

describe.skipIf(reason !== null)('differences in a browser', () => {
  const types = makeTypeFolder();
  const folder = mkdtempSync(join(tmpdir(), 'aegir-drift-'));
  const file = join(folder, 'kept.conf');
  let aegir: Aegir;
  let browser: Browser;

  const run = async (type: string) => {
    const { state, message } = await aegir.run('servers', 'desk', type);
    expect([state, message], type).toEqual(['succeeded', '']);
  };

  beforeAll(async () => {
    const text = `server {\\n  listen 80;\\n  server_name ${'very-'.repeat(60)}long.example.org;\\n}\\n`;
    const keep = `- {name: Keep the file, ansible.builtin.copy: {content: "${text}", dest: ${file}, mode: "0644"}}\n`;
    types.ansibleTask('keep_file', keep);
    types.operation('put_right', 'server', '[{id: keep, task: keep_file}]');
    types.operation('compare', 'server', '[{id: keep, task: keep_file}]', 'check: true\nput_right_by: put_right\n');
    aegir = await startAegir({ types: types.path });
    await aegir.call('POST', '/api/clusters', { values: { name: 'here', kind: 'servers' } });
    for (const name of ['desk', 'lamp']) {
      const values = { name, cluster: 'here', connection: 'local', python: join(pythonBin, 'python3') };
      expect((await aegir.call('POST', '/api/servers', { values })).status).toBe(201);
    }
    writeFileSync(file, 'server {\n  listen 8080;\n}\n');
    await run('compare');
    browser = await startBrowser(aegir.url.replace('127.0.0.1', 'localhost'));
    await signIn(browser, aegir);
  });

  afterAll(async () => {
    await browser?.stop();
    await aegir?.stop();
    types.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const picture = async (name: string) => {
    if (process.env.PICTURES)
      await browser.page.screenshot({ path: `${process.env.PICTURES}/${name}.png`, fullPage: true });
  };

  test('a list says how many there are and how old that is, and is narrowed to them', async () => {
    const { page } = browser;
    await page.goto('/servers');
    await page.getByRole('row', { name: /desk.*1 difference.*checked/ }).waitFor();
    await page.getByRole('row', { name: /lamp.*never checked/ }).waitFor();
    await page.getByLabel('Drift').selectOption({ label: 'differences' });
    await page.getByRole('row', { name: /lamp/ }).waitFor({ state: 'detached' });
    expect(await page.getByRole('row', { name: /desk/ }).count()).toBe(1);
    await forEachLook(page, async look => {
      await picture(`list-${look}`);
      expect(await findOverflow(page), look).toEqual([]);
    });
  });

  test('by keyboard alone one is opened, read and accepted, and the acceptance is taken back', async () => {
    const { page } = browser;
    await page.setViewportSize({ width: 1400, height: 900 });
    await page.goto('/servers');
    await page.getByRole('link', { name: 'desk' }).click();
    const fold = page.locator('.differences summary');
    await fold.focus();
    await page.keyboard.press('Enter');
    const diff = page.getByRole('region', { name: `Differences of ${file}` });
    await diff.getByText('-  listen 8080;').waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.className')).toBe('diff-lines');
    await forEachLook(page, async look => {
      await picture(`page-${look}`);
      expect(await findOverflow(page), look).toEqual([]);
    });
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByLabel('Why it is to stay').focus();
    await page.keyboard.type('until Friday');
    await page.keyboard.press('Enter');
    await page.getByText('“until Friday”').waitFor();
    await page.getByText('1 accepted').waitFor();
    expect(await page.locator('[data-drift]').count()).toBe(0);
    await page.getByRole('button', { name: 'Take the acceptance back' }).press('Enter');
    await page.locator('[data-drift="1"]').first().waitFor();
  });

  test('“Apply again” leads to what puts it right, and with its end the difference is gone from the open page', async () => {
    const { page } = browser;
    expect(await page.getByRole('link', { name: 'Apply again' }).getAttribute('href')).toMatch(
      /^\/servers\/\w+\/run\/prepare_server$/,
    );
    await run('put_right');
    await page.getByText('Everything that was compared is as Aegir would make it.').waitFor();
    expect(await page.locator('[data-drift]').count()).toBe(0);
    expect(browser.takeErrors()).toEqual([]);
  });
});
