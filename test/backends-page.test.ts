// Follows docs/backends.md word by word in a copy of the installation: its files are made, its commands are run, and what it
// says that they print is what they print. Those for a cluster: backends-page.cluster.test.ts.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { OperationSummary, Page } from '../api/contract.ts';
import { blocks, clusterSection, copyInstallation, expectPrinted, type PageCopy, page } from './backends-page.ts';
import { type Aegir, startAegir } from './harness.ts';
import { noTerraform } from './terraform.ts';

const reason = noTerraform();
// The compiler and another run of the tests are part of it.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 120_000 });

/** Where the page says so: the code is another one from there on. */
const restart = blocks.findIndex(({ file }) => file.includes('count_words'));
let copy: PageCopy;
let aegir: Aegir | undefined;

beforeAll(() => {
  if (!reason) copy = copyInstallation();
});

afterAll(async () => {
  await aegir?.stop();
  copy?.remove();
});

async function start(): Promise<Aegir> {
  const running = await startAegir({ installation: copy.path, environment: copy.settings() });
  await running.call('POST', '/api/clusters', { values: { name: 'here', kind: 'servers' } });
  // The first start makes it.
  const python = join(copy.path, '.cache', 'python', 'bin', 'python3');
  const values = { name: 'this-machine', cluster: 'here', connection: 'local', python };
  expect((await running.call('POST', '/api/servers', { values })).status).toBe(201);
  return running;
}

test.skipIf(reason)(`docs/backends.md is right${reason ? ` (skipped: ${reason})` : ''}`, async () => {
  expect(blocks.length).toBeGreaterThan(25);
  let printed = '';
  let isPassedOver = false;
  for (const [at, block] of blocks.entries()) {
    if (at === restart) {
      await aegir?.stop();
      aegir = undefined;
    }
    if (block.language === 'sh') {
      const runs = block.text.includes('./aegir run');
      isPassedOver = runs && block.section === clusterSection;
      if (isPassedOver) continue;
      if (runs) aegir ??= await start();
      printed = await copy.command(block.text, aegir);
    } else if (block.language !== 'text') copy.write(block);
    else if (!isPassedOver) expectPrinted(printed, block);
  }
  expect(readFileSync(join(copy.path, 'greeting'), 'utf8')).toBe('Good morning\n');
  const { items } = (await aegir?.call<Page<OperationSummary>>('GET', '/api/operations'))?.body ?? { items: [] };
  expect(items.map(({ type, state }) => [type, state])).toEqual([['count_words', 'succeeded']]);
});

test('every block of the page says what it is', () => {
  const fences = page.split('\n').filter(line => line.startsWith('```'));
  expect(fences.length).toBe(2 * blocks.length);
  const unnamed = blocks.filter(({ language, file }) => !file && language !== 'sh' && language !== 'text');
  expect(unnamed).toEqual([]);
});
