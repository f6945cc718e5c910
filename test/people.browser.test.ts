// People as an administrator manages them, and as they come in themselves.

import { base32 } from '@better-auth/utils/base32';
import { createOTP } from '@better-auth/utils/otp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PersonView } from '../api/contract-people.ts';
import { type Browser, canRunBrowser, findOverflow, forEachLook, signIn, startBrowser } from './browser.ts';
import { type Aegir, startAegir } from './harness.ts';

const reason = canRunBrowser();
if (reason) console.warn(`Skipped: people in a browser. ${reason}`);

const password = 'correct horse battery';

describe.skipIf(reason !== null)('people in a browser', () => {
  let aegir: Aegir;
  let browser: Browser;
  let other: Browser;
  let link: string;

  beforeAll(async () => {
    aegir = await startAegir();
    const address = aegir.url.replace('127.0.0.1', 'localhost');
    [browser, other] = await Promise.all([startBrowser(address), startBrowser(address)]);
    await signIn(browser, aegir);
  });
  afterAll(async () => {
    await browser?.stop();
    await other?.stop();
    await aegir?.stop();
  });

  const look = ({ page }: Browser, name: string) =>
    forEachLook(page, async looks => {
      if (process.env.PICTURES)
        await page.screenshot({ path: `${process.env.PICTURES}/${name}-${looks}.png`, fullPage: true });
      expect(await findOverflow(page), `${name} ${looks}`).toEqual([]);
    });

  test('an administrator adds somebody and gets a link to send', async () => {
    const { page } = browser;
    const field = (label: string) => page.getByLabel(label, { exact: true });
    await page.getByRole('link', { name: 'People' }).click();
    await field('Name').fill('Grace Hopper');
    await field('E-mail').fill('grace@example.org');
    await field('Role').selectOption('operator');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByText('Send this link to Grace Hopper').waitFor();
    link = (await page.locator('code.token').textContent()) ?? '';
    expect(link).toContain('/sign-in?link=');
    await page.getByText('has not followed the link yet').waitFor();
    await look(browser, 'people');
    expect(await page.getByLabel('Role of Administrator').isDisabled()).toBe(true);
    expect(browser.takeErrors()).toEqual([]);
  });

  test('they follow it, set a password under the address that was given, and see what an operator sees', async () => {
    const { page } = other;
    await page.goto(link.replace('127.0.0.1', 'localhost'));
    await page.getByRole('heading', { name: 'Set your password' }).waitFor();
    const email = page.getByLabel('E-mail', { exact: true });
    expect([await email.inputValue(), await email.isEditable()]).toEqual(['grace@example.org', false]);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('link', { name: 'Grace Hopper' }).click();
    await page.getByRole('heading', { name: 'Your account' }).waitFor();
    await page.getByText('this one').waitFor();
    await page.getByRole('cell', { name: 'Chrome on Linux' }).waitFor();
    await page.getByRole('cell', { name: /^(127\.0\.0\.1|::1)$/ }).waitFor();
    expect(await page.getByRole('link', { name: 'People' }).count()).toBe(0);
    await look(other, 'account');
    expect(other.takeErrors()).toEqual([]);
  });

  test('a password is changed with the present one only', async () => {
    const { page } = other;
    const change = async (present: string) => {
      await page.getByLabel('Present password').fill(present);
      await page.getByLabel(/^New password/).fill(`${password}!`);
      await page.getByRole('button', { name: 'Change it' }).click();
    };
    await change('something else');
    await page.getByText('Invalid password').waitFor();
    expect(other.takeErrors()).toEqual([expect.stringContaining('400')]);
    await change(password);
    await page.getByText('The password is changed.').waitFor();
    await page.getByText('this one').waitFor();
    expect(other.takeErrors()).toEqual([]);
  });

  test('a second factor is connected by its key, and is asked for at the next sign-in', async () => {
    const { page } = other;
    const enter = (label: string, value: string) => page.getByLabel(label, { exact: true }).fill(value);
    await enter('Your password', `${password}!`);
    await page.getByRole('button', { name: 'Turn it on' }).click();
    await page.getByRole('img', { name: 'The key as a QR code' }).waitFor();
    await look(other, 'second-factor');
    const key = (await page.locator('code.token').textContent()) ?? '';
    const code = () => createOTP(new TextDecoder().decode(base32.decode(key))).totp();
    await enter('Code', await code());
    await page.getByRole('button', { name: 'Check it' }).click();
    await page.getByText('Keep these backup codes: they are not shown again.').waitFor();
    await look(other, 'backup-codes');
    await page.getByRole('button', { name: 'Sign out' }).first().click();
    await enter('E-mail', 'grace@example.org');
    await enter('Password', `${password}!`);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await enter('Code of your authenticator', '000000');
    await look(other, 'sign-in-code');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Invalid code').waitFor();
    // Who is signed in, asked for by the page itself, and the wrong code.
    expect(other.takeErrors()).toEqual([expect.stringContaining('401'), expect.stringContaining('401')]);
    await enter('Code of your authenticator', await code());
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('link', { name: 'Grace Hopper' }).waitFor();
    expect(other.takeErrors()).toEqual([]);
  });

  test('a token gets a lower role and an end', async () => {
    const { page } = other;
    await page.getByRole('link', { name: 'Tokens' }).click();
    await page.getByLabel('Name', { exact: true }).fill('reports');
    expect(await page.getByLabel('Role').locator('option').allTextContents()).toEqual([
      'mine, whatever it is',
      'viewer',
      'operator',
    ]);
    await page.getByLabel('Role').selectOption('viewer');
    await page.getByLabel('Good for').selectOption('30 days');
    await page.getByRole('button', { name: 'Make a token' }).click();
    await page.getByText('Copy it now: it is not shown again.').waitFor();
    await page.getByRole('cell', { name: 'viewer', exact: true }).waitFor();
    await look(other, 'tokens');
    expect(other.takeErrors()).toEqual([]);
  });

  test('another role counts at once; whoever is removed is asked to sign in', async () => {
    const { page } = browser;
    await page.getByLabel('Role of Grace Hopper').selectOption('administrator');
    await other.page.reload();
    await other.page.getByRole('link', { name: 'People' }).waitFor();
    await page.getByRole('button', { name: 'Remove Grace Hopper' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('cell', { name: 'grace@example.org' }).waitFor({ state: 'detached' });
    const people = await aegir.send<PersonView[]>('GET', '/api/people');
    expect(people.map(({ name }) => name)).toEqual(['Administrator']);
    await other.page.reload();
    await other.page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(browser.takeErrors()).toEqual([]);
  });
});
