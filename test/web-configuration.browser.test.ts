// The page of an Environment shows the web server's configuration in parts, whose each is, and where it can be overridden.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OverrideView, Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Browser, canRunBrowser, findOverflow, forEachLook, open, startBrowser } from './browser.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

const reason = canRunBrowser();

const vhost = {
  path: '/etc/nginx/aegir.d/shop.conf',
  task_type: 'write_page',
  parts: [
    {
      name: 'vhost.conf.j2',
      from: 'the Task type’s own',
      text: `server {\n    server_name ${'long.'.repeat(40)}test;\n}`,
    },
    { name: 'custom.conf.j2', from: 'Project shop, version 3', text: 'add_header X-Mine yes;\n' },
    { name: 'redirects.conf.j2', from: 'the Task type’s own', text: '' },
  ],
};

describe.skipIf(reason !== null)(`the web server’s configuration in a browser${reason ? ` (${reason})` : ''}`, () => {
  const types = makeTypeFolder();
  let aegir: Aegir;
  let browser: Browser;
  let environment: Entity;

  const create = async (plural: string, values: Record<string, unknown>): Promise<Entity> => {
    const { status, body } = await aegir.call<Entity>('POST', `/api/${plural}`, { values });
    expect(status, JSON.stringify(body)).toBe(201);
    return body;
  };

  beforeAll(async () => {
    const outputs = 'outputs: {vhost: {type: dict, sets: environment.vhost, help: Configuration}}\n';
    types.shellTask('write_page', `cat >"$AEGIR_OUTPUTS" <<'END'\n${JSON.stringify({ vhost })}\nEND`, {
      meta: outputs,
    });
    types.put('roles/write_page/templates/custom.conf.j2', '# nothing yet\n');
    types.clusterTask('make_page', {
      'page.yml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: page}\ndata: {a: b}\n',
    });
    types.operation('write', 'environment', '[{id: write, task: write_page}]', 'states: {}\n');
    aegir = await startAegir({ types: types.path });
    const cluster = await create('clusters', { name: 'here', kind: 'servers' });
    const server = await create('servers', { name: 'web1', cluster: cluster.id, connection: 'local' });
    const repository = 'https://example.org/shop.git';
    const project = await create('projects', { name: 'shop', repository, application: 'static' });
    const release = await create('releases', { project: project.id, name: 'v1', git_ref: 'v1' });
    const names = { name: 'shop', primary_name: 'shop.test' };
    environment = await create('environments', { ...names, release: release.id, web_server: server.id });
    expect(await aegir.run('environments', environment.id, 'write')).toMatchObject({ state: 'succeeded' });
    browser = await startBrowser(aegir.url.replace('127.0.0.1', 'localhost'));
  });

  afterAll(async () => {
    await browser?.stop();
    await aegir?.stop();
    types.remove();
  });

  test('parts say whose they are, and a part is overridden from there, beginning with the Task type’s own text', async () => {
    const { page } = browser;
    await page.goto((await aegir.call<{ url: string }>('POST', '/api/sign-in-links')).body.url);
    // The question for a first password comes again with every page that is loaded.
    await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('heading', { name: 'Home' }).waitFor();
    await open(page, `/environments/${environment.id}`);
    const panel = page.locator('.panel', { has: page.getByRole('heading', { name: 'Web server configuration' }) });
    const whole = panel.getByText('The whole file vhost.conf.j2');
    await whole.click();
    await panel.getByText('server_name').waitFor();
    await forEachLook(page, async look => {
      expect(await findOverflow(page), look).toEqual([]);
    });
    await whole.click();
    await panel.getByText('custom.conf.j2 Project shop, version 3').click();
    await panel.getByText('add_header X-Mine yes;').waitFor();
    await panel.getByRole('button', { name: 'Override for this Environment' }).click();
    const text = panel.getByLabel('Text of custom.conf.j2');
    expect(await text.inputValue()).toBe('# nothing yet\n');
    await text.fill('add_header X-Mine ours;\n');
    await panel.getByRole('button', { name: 'Save override' }).click();
    await page.getByText('write_page/custom.conf.j2').waitFor();
    const saved = await aegir.call<OverrideView[]>('GET', `/api/environments/${environment.id}/overrides`);
    expect(saved.body).toMatchObject([{ template: 'custom.conf.j2', text: 'add_header X-Mine ours;\n', version: 1 }]);
    expect(browser.takeErrors()).toEqual([]);
  });

  test('a manifest is patched for the whole Organisation, beside what the Task type brings', async () => {
    const { page } = browser;
    const [organisation] = (await aegir.call<Page<Entity>>('GET', '/api/organisations')).body.items;
    await open(page, `/organisations/${organisation?.id}`);
    const panel = page.locator('.panel', { has: page.getByRole('heading', { name: 'Overrides', exact: true }) });
    await panel.getByText('Override a template or manifest').click();
    await panel.getByLabel('Template or manifest').selectOption('make_page/kubernetes/page.yml');
    const text = panel.getByLabel('Text of kubernetes/page.yml');
    expect(await text.inputValue()).toBe('apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: page\n');
    await panel.getByText('The manifest as the Task type brings it').click();
    await panel.getByText('data: {a: b}').waitFor();
    await forEachLook(page, async look => {
      expect(await findOverflow(page), look).toEqual([]);
    });
    const patch = 'kind: ConfigMap\nmetadata: {name: page}\ndata: {a: null}\n';
    await text.fill(patch);
    await panel.getByRole('button', { name: 'Save override' }).click();
    await panel.getByText('version 1,').waitFor();
    const saved = await aegir.call<OverrideView[]>('GET', `/api/organisations/${organisation?.id}/overrides`);
    expect(saved.body).toMatchObject([{ taskType: 'make_page', template: 'kubernetes/page.yml', text: patch }]);
    expect(browser.takeErrors()).toEqual([]);
  });
});
