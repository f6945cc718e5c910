// A plan of Terraform on the page of whoever is to approve it.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OperationView } from '../api/contract.ts';
import { type Browser, canRunBrowser, findOverflow, forEachLook, open, signIn, startBrowser } from './browser.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';
import { noTerraform } from './terraform.ts';

const reason = canRunBrowser() ?? noTerraform();
if (reason) console.warn(`Skipped: plans of Terraform in a browser. ${reason}`);

describe.skipIf(reason)('a plan of Terraform in a browser', () => {
  const types = makeTypeFolder();
  const long = `${'very-'.repeat(60)}long`;
  let aegir: Aegir;
  let browser: Browser;

  beforeAll(async () => {
    const main = 'variable "word" { type = string }\nresource "terraform_data" "note" { input = var.word }\n';
    const options = 'word: {type: str, description: What is noted, required: true}';
    types.terraformTask('make_note', main, { options });
    types.shellTask('give_word', `echo '{"word": "later"}' > "$AEGIR_OUTPUTS"`, {
      meta: 'outputs:\n  word: {type: str, help: A word}\n',
    });
    types.operation(
      'note',
      'project',
      '[{id: make, task: make_note}, {id: give, task: give_word}, {id: last, title: Note it again, task: make_note, with: {word: $steps.give.word}}]',
    );
    aegir = await startAegir({ types: types.path });
    const values = { name: 'shop', repository: 'https://example.org/shop.git', application: 'static' };
    await aegir.call('POST', '/api/projects', { values });
    const rule = { name: 'looked-at', operation_types: ['note'], four_eyes: false };
    expect((await aegir.call('POST', '/api/approval_rules', { values: rule })).status).toBe(201);
    browser = await startBrowser(aegir.url.replace('127.0.0.1', 'localhost'));
    await signIn(browser, aegir);
  });

  afterAll(async () => {
    await browser?.stop();
    await aegir?.stop();
    types.remove();
  });

  test('it stands above the choices, with what is not known yet, and is carried out when it is approved', async () => {
    const { page } = browser;
    const path = '/api/projects/shop/operations';
    const { body } = await aegir.call<OperationView>('POST', path, { type: 'note', input: { word: long } });
    await aegir.waitUntilQuiet(body.id);
    await open(page, `/operations/${body.id}`);
    const panel = page.locator('.attention');
    await panel.getByRole('heading', { name: 'What is planned, and carried out exactly so' }).waitFor();
    const plan = panel.locator('.differences summary', { hasText: 'terraform_data.note' });
    await plan.press('Enter');
    await panel.getByText(`+input = "${long}"`).waitFor();
    await panel.getByText('Note it again: It works with what an earlier step would give.').waitFor();
    await forEachLook(page, async look => expect(await findOverflow(page), look).toEqual([]));
    await page.setViewportSize({ width: 1400, height: 900 });
    await panel.getByRole('button', { name: 'Approve', exact: true }).click();
    await page.locator('.page-title [data-state="succeeded"]').waitFor();
    expect(browser.takeErrors()).toEqual([]);
  });
});
