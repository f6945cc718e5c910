// Temporal's own console behind Aegir's sign-in, in a real browser: sealed payloads are opened for whoever is signed in.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditView, OperationView, Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { freePort } from '../start/ports.ts';
import { codecEndpoint, findTemporal, type RunningTemporal, startTemporal } from '../start/temporal.ts';
import { type Browser, canRunBrowser, startBrowser } from './browser.ts';
import { type Aegir, startAegir } from './harness.ts';
import { pythonBin } from './play-role.ts';
import { makeTypeFolder } from './task-types.ts';

const reason = canRunBrowser();
if (reason) console.warn(`Skipped: Temporal's console in a browser. ${reason}`);

describe.skipIf(reason !== null)('Temporal’s console', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-console-'));
  const types = makeTypeFolder();
  const namespace = 'console';
  let temporal: RunningTemporal;
  let aegir: Aegir;
  let browser: Browser;
  let failed: OperationView;

  beforeAll(async () => {
    const [port, consolePort] = [await freePort(), await freePort()];
    temporal = await startTemporal({
      binary: findTemporal(process.env.PATH ?? '', pythonBin),
      dataFolder: join(folder, 'temporal'),
      logFile: join(folder, 'temporal.log'),
      console: { port: consolePort, publicPath: '/temporal', codecEndpoint },
      ...{ port, namespace },
    });
    const options = 'word: {type: str, description: A word, required: true}';
    types.shellTask('fail_word', 'cat; exit 3', { options });
    types.operation('fail', 'project', '[{id: fail, task: fail_word}]');
    const environment = {
      AEGIR_TEMPORAL_NAMESPACE: namespace,
      TEMPORAL_ADDRESS: temporal.address,
      AEGIR_CONSOLE_URL: `http://127.0.0.1:${consolePort}`,
    };
    aegir = await startAegir({ types: types.path, environment });
    browser = await startBrowser(aegir.url);
    const values = { name: 'site', repository: 'https://example.org/site.git', application: 'static' };
    const project = (await aegir.call<Entity>('POST', '/api/projects', { values })).body;
    failed = await aegir.run('projects', project.id, 'fail', { word: 'CONFIDENTIAL-WORD' });
  });

  afterAll(async () => {
    await browser?.stop();
    await aegir?.stop();
    await temporal?.stop();
    types.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test('is shown to nobody who is not signed in', async () => {
    const answer = await browser.page.goto(`/temporal/namespaces/${namespace}/workflows`);
    expect(answer?.status()).toBe(401);
  });

  test('shows a run with its values and the words of its failure, and the audit log says who has looked', async () => {
    const { page } = browser;
    const link = await aegir.call<{ url: string }>('POST', '/api/sign-in-links');
    const { pathname, search } = new URL(link.body.url);
    await page.goto(pathname + search);
    await page.waitForURL(address => !address.pathname.startsWith('/sign-in'));
    let requests = 0;
    page.on('request', request => {
      if (request.url().includes('/api/codec/decode')) requests += 1;
    });
    await page.goto(`/temporal/namespaces/${namespace}/workflows/${failed.id}`);
    await page.getByText('CONFIDENTIAL-WORD').first().waitFor();
    expect(requests).toBeGreaterThan(1);
    const { body } = await aegir.call<Page<AuditView>>('GET', '/api/audit');
    const readings = body.items.filter(({ verb }) => verb === 'read payloads');
    expect(readings.map(({ objectName }) => objectName)).toEqual(['fail site']);
  });
});
