// Schedules and Rollouts as an operator fills them in, sees them and answers them.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Browser, canRunBrowser, findOverflow, forEachLook, signIn, startBrowser } from './browser.ts';
import { type ScheduleStage, startScheduleStage } from './schedule-stage.ts';

const reason = canRunBrowser();
if (reason) console.warn(`Skipped: Schedules in a browser. ${reason}`);

describe.skipIf(reason !== null)('Schedules and Rollouts in a browser', () => {
  let stage: ScheduleStage;
  let browser: Browser;

  beforeAll(async () => {
    stage = await startScheduleStage();
    browser = await startBrowser(stage.aegir.url.replace('127.0.0.1', 'localhost'));
    await signIn(browser, stage.aegir);
  });

  afterAll(async () => {
    if (stage) writeFileSync(join(stage.folder, 'gate'), '');
    await browser?.stop();
    await stage?.stop();
  });

  const look = (name: string) =>
    forEachLook(browser.page, async looks => {
      if (process.env.PICTURES)
        await browser.page.screenshot({ path: `${process.env.PICTURES}/${name}-${looks}.png`, fullPage: true });
      expect(await findOverflow(browser.page), `${name} ${looks}`).toEqual([]);
    });

  test('the form says when and on what, and asks what the Operation asks; the page runs it now', async () => {
    const { page } = browser;
    const field = (label: string) => page.getByLabel(label, { exact: true });
    await page.getByRole('link', { name: 'Schedules' }).first().click();
    await page.getByRole('link', { name: 'Add Schedule' }).first().click();
    await field('Name').fill('nightly');
    await field('Operation type').selectOption('note');
    await field('Cron expression optional').fill('99 * * * *');
    await page.getByText('It has no times yet:').waitFor();
    await field('Cron expression optional').fill('H H(1-4) * * *');
    await page.getByText('Next times on alpha:').waitFor();
    await page.getByText('alpha, beta, gamma.').waitFor();
    await field('File').fill('nightly');
    await look('schedule-form');
    await page.getByRole('button', { name: 'Add Schedule' }).click();
    await page.getByRole('heading', { name: 'nightly', level: 1 }).waitFor();
    await page.getByRole('cell', { name: 'gamma' }).first().waitFor();
    await page.getByRole('button', { name: 'Run now' }).click();
    await page.getByText('3 started.').waitFor();
    await look('schedule-page');
    expect(browser.takeErrors()).toEqual([]);
  });

  test('what runs by itself stands on the page of its subject, and at home', async () => {
    const { page } = browser;
    await page.getByRole('link', { name: 'Projects' }).first().click();
    await page.getByRole('link', { name: 'alpha' }).first().click();
    await page.getByRole('heading', { name: 'Runs by itself' }).waitFor();
    await page.getByRole('link', { name: 'nightly' }).first().waitFor();
    await page.getByRole('link', { name: 'Home' }).first().click();
    await page.getByRole('heading', { name: 'Comes next' }).waitFor();
    await look('home');
  });

  test('a Rollout is filled in, one is taken off, it stands, is paused and aborted', async () => {
    const { page } = browser;
    const field = (label: string) => page.getByLabel(label, { exact: true });
    await page.getByRole('link', { name: 'Rollouts' }).first().click();
    await page.getByRole('link', { name: 'Start a Rollout' }).click();
    await field('Operation type').selectOption('hold');
    await field('Why optional').fill('to see it wait');
    await page.getByText('Wave 1: 1').waitFor();
    await page.getByRole('button', { name: 'Take gamma off the list' }).click();
    await page.getByRole('button', { name: 'Start on 2' }).waitFor();
    await look('rollout-form');
    await page.getByRole('button', { name: 'Start on 2' }).click();
    await page.getByRole('heading', { name: 'Rollout: hold', level: 1 }).waitFor();
    await page.getByText('1 running').first().waitFor();
    await look('rollout-page');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByLabel('Why, for the others').fill('lunch');
    await page.getByRole('dialog').getByRole('button', { name: 'Pause' }).click();
    await page.getByText('lunch', { exact: false }).first().waitFor();
    const rollout = page.url();
    await page.getByRole('link', { name: 'What needs somebody (1)' }).first().click();
    await page.getByRole('link', { name: 'Resume or abort' }).waitFor();
    await look('needs');
    await page.goto(rollout);
    await page.getByRole('button', { name: 'Abort' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Abort' }).click();
    await page.getByText('What had begun came to its end.').first().waitFor();
    await page.getByRole('link', { name: 'Rollouts' }).first().click();
    await page.getByText('to see it wait').waitFor();
    await look('rollouts');
    expect(browser.takeErrors()).toEqual([]);
  });

  test('an Approval rule makes an Operation wait; its page shows what it works on, and takes yes or no', async () => {
    const { page } = browser;
    const field = (label: string) => page.getByLabel(label, { exact: true });
    const button = (name: string) => page.getByRole('button', { name, exact: true });
    await page.getByRole('link', { name: 'Approval rules' }).first().click();
    await page.getByRole('link', { name: 'Add Approval rule' }).first().click();
    await field('Name').fill('second-look');
    await page.getByRole('checkbox', { name: 'note', exact: true }).check();
    await look('approval-form');
    await button('Add Approval rule').click();
    await page.getByRole('heading', { name: 'second-look', level: 1 }).waitFor();
    const [alpha] = stage.sites;
    await page.goto(`/projects/${alpha?.id}/run/note`);
    await page.getByText('It waits until another person with the role operator approves it').waitFor();
    await field('File').fill('approved');
    await button('note').click();
    await page.getByRole('heading', { name: 'Approval is asked for' }).waitFor();
    await page.getByText('You have asked for it, and “second-look” wants four eyes').waitFor();
    expect(await button('Approve').isDisabled()).toBe(true);

    const rule = await stage.send<{ id: string }>('GET', '/api/approval_rules/second-look', undefined, 200);
    await stage.send('PATCH', `/api/approval_rules/${rule.id}`, { values: { four_eyes: false } }, 200);
    await page.goto(`/projects/${alpha?.id}/run/note`);
    await field('File').fill('approved');
    await button('note').click();
    await page.getByRole('heading', { name: 'Approval is asked for' }).waitFor();
    await look('approval-asked');
    await button('Dry run').click();
    await page.getByText('Not known before it is done').waitFor();
    await look('dry-run');
    await page.goBack();
    await page.getByRole('heading', { name: 'Approval is asked for' }).waitFor();
    await button('Reject').click();
    await page.getByText('is missing: say why, for whoever has asked.').first().waitFor();
    await field('Why optional').fill('it is Friday');
    await button('Approve').click();
    await page.locator('.page-title [data-state="succeeded"]').waitFor();
    expect(stage.linesOf('approved')).toHaveLength(1);
    await stage.send('DELETE', `/api/approval_rules/${rule.id}`, undefined, 204);
    // The refused answer is one of the page's errors, too.
    browser.takeErrors();
  });
});
