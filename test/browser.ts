// A real browser for tests: Chromium with an empty profile, and what it complained about.

import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import type { Aegir } from './harness.ts';

// Debian's package puts it there.
const executable = '/usr/bin/chromium';

// Nothing that reaches for a graphics card, a service of the maker, or the network by itself.
const switches = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

// Widths of a telephone, a tablet and a desk.
export const widths = [360, 820, 1400];
export const schemes = ['light', 'dark'] as const;

export interface Browser {
  context: BrowserContext;
  page: Page;
  /** What the console showed as errors since the last call, from all pages. */
  takeErrors(): string[];
  stop(): Promise<void>;
}

/** Null, or the sentence why not. */
export function canRunBrowser(): string | null {
  try {
    accessSync(executable, constants.X_OK);
    return null;
  } catch {
    return `It needs Chromium at ${executable}.`;
  }
}

/** @param further switches, such as `--host-resolver-rules`: where names lead that no server knows. */
export async function startBrowser(baseURL: string, further: string[] = []): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'aegir-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: executable,
    args: [...switches, ...further],
    baseURL,
    acceptDownloads: true,
    viewport: { width: 1400, height: 900 },
    // Its crash reports and caches too belong into the profile.
    env: { PATH: process.env.PATH ?? '', HOME: profile },
  });
  // On two loaded cores a page of an API that has just started takes many seconds.
  context.setDefaultTimeout(60_000);
  const errors: string[] = [];
  const listen = (page: Page) => {
    page.on('console', message => {
      if (message.type() === 'error') errors.push(message.text());
    });
    page.on('pageerror', error => errors.push(String(error)));
  };
  context.on('page', listen);
  const page = context.pages()[0] ?? (await context.newPage());
  listen(page);
  return {
    context,
    page,
    takeErrors: () => errors.splice(0),
    async stop() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

// Text, not functions: the rest of the tree has no types of a browser's globals, and is not to have them.
const twoFrames = 'new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(null))))';
const overflow = `(() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth <= clientWidth) return [];
  const sticksOut = element => element.getBoundingClientRect().right > clientWidth + 1;
  const out = [...document.querySelectorAll('body *')].filter(sticksOut);
  return [scrollWidth + ' > ' + clientWidth, ...out.slice(0, 5).map(element => element.outerHTML.slice(0, 120))];
})()`;

/** By a one-time link, as who has just been invited and sets no password yet. */
export async function signIn({ page }: Browser, aegir: Pick<Aegir, 'call'>): Promise<void> {
  const { url } = (await aegir.call<{ url: string }>('POST', '/api/sign-in-links')).body;
  await page.goto(url);
  await page.getByRole('button', { name: 'Later' }).click();
}

/** What was resized is laid out then, and what observes sizes has answered. */
export async function settle(page: Page): Promise<void> {
  await page.evaluate(twoFrames);
}

/** What sticks out to the right of the window; nothing when the page does not scroll sideways. */
export function findOverflow(page: Page): Promise<string[]> {
  return page.evaluate<string[]>(overflow);
}

/** Shows the page in every width and scheme, one after the other. */
export async function forEachLook(
  page: Page,
  look: (name: string, width: number, scheme: (typeof schemes)[number]) => Promise<void>,
): Promise<void> {
  for (const scheme of schemes) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const width of widths) {
      await page.setViewportSize({ width, height: 900 });
      await settle(page);
      await look(`${width}-${scheme}`, width, scheme);
    }
  }
  await page.emulateMedia({ colorScheme: null });
}

/** Resolves once the page's parts have their content. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page.locator('main h1').waitFor();
  await settle(page);
  while ((await page.locator('.loading').count()) > 0)
    await page.locator('.loading').first().waitFor({ state: 'detached' });
}
