// Takes the pages of a running Aegir in three widths and both themes, to be looked at. Run by hand:
//   node test/screenshots.ts <address> <one-time sign-in link> <folder for the pictures> [only names with this word]

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { findOverflow, forEachLook, open, settle, startBrowser } from './browser.ts';

const [address, link, folder, word = ''] = process.argv.slice(2);
if (!address || !link || !folder) {
  console.error('Usage: node test/screenshots.ts <address> <one-time sign-in link> <folder>');
  process.exit(2);
}

/** Lists whose first entry has a page of its own worth a picture. */
const kinds = ['environments', 'releases', 'projects', 'servers', 'clusters'];

mkdirSync(folder, { recursive: true });
const { page, stop } = await startBrowser(address);
try {
  await page.goto(link);
  await page.getByRole('heading', { name: 'Set your password' }).or(page.locator('.side')).first().waitFor();
  const later = page.getByRole('button', { name: 'Later' });
  if (await later.isVisible()) {
    await take('first-password');
    await later.click();
    await page.locator('.side').waitFor({ state: 'attached' });
  }
  for (const [name, path] of await listPages(page)) {
    if (!name.includes(word)) continue;
    await open(page, path);
    if (name.startsWith('operation-')) await page.locator('.log-line').first().waitFor();
    await take(name);
  }
  await takeOperation(page, folder);
} finally {
  await stop();
}

async function take(name: string): Promise<void> {
  await forEachLook(page, async look => {
    await page.screenshot({ path: join(folder ?? '', `${name}-${look}.png`), fullPage: true });
    const out = await findOverflow(page);
    if (out.length > 0) console.warn(`${name} ${look} scrolls sideways: ${out.join('\n  ')}`);
  });
}

/** Names and paths, with the first entity of every list. */
async function listPages(from: Page): Promise<[string, string][]> {
  const pages: [string, string][] = [
    ['home', '/'],
    ['operations', '/operations'],
    ['catalogue', '/catalogue'],
    ['audit', '/audit'],
    ['tokens', '/tokens'],
  ];
  for (const kind of kinds) {
    pages.push([kind, `/${kind}`], [`${kind}-new`, `/${kind}/new`]);
    await open(from, `/${kind}`);
    const first = await firstLink(from);
    if (!first) continue;
    pages.push([`${kind}-one`, first], [`${kind}-edit`, `${first}/edit`]);
    await open(from, first);
    for (const run of await from.locator('a[href*="/run/"]').all()) {
      const path = (await run.getAttribute('href')) ?? '';
      pages.push([`${kind}-${path.split('/').at(-1)}`, path]);
    }
  }
  for (const state of ['succeeded', 'failed']) {
    await open(from, `/operations?state=${state}`);
    const first = await firstLink(from);
    if (first) pages.push([`operation-${state}`, first]);
  }
  return pages;
}

async function firstLink(from: Page): Promise<string | null> {
  const links = from.locator('.cell-main a');
  return (await links.count()) > 0 ? links.first().getAttribute('href') : null;
}

/** The picture of the README: the first installation, which is the sample's, as a person looks at it. */
async function takeOperation(from: Page, into: string): Promise<void> {
  await open(from, '/operations?type=install_environment&state=succeeded');
  const sample = from.locator('.cell-main a').last();
  if (!(await sample.isVisible())) return;
  const path = (await sample.getAttribute('href')) ?? '/';
  await from.setViewportSize({ width: 1400, height: 900 });
  await from.emulateMedia({ colorScheme: 'light' });
  await open(from, path);
  await from.locator('.log-line').first().waitFor();
  await settle(from);
  await from.screenshot({ path: join(into, 'screenshot.png') });
}
