// An override of a template from its beginning, the Task type's own text, to the run that knows whose text it used; where
// overrides of manifests begin.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OverrideView, Page, ProblemJson, TemplateView } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

const types = makeTypeFolder();
let aegir: Aegir;
let path: string;
let project: Entity;

beforeAll(async () => {
  const greet = `- name: Say whose greeting it is
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.template', 'greeting.j2') }} by {{ aegir.overrides['greeting.j2'] | default('nobody') }}"
`;
  types.ansibleTask('say_greeting', greet, { target: 'worker' });
  types.put('roles/say_greeting/templates/greeting.j2', 'Hello {{ aegir.subject.name }}');
  const manifest =
    '$if: title\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: page, labels: {a: b}}\ndata: {t: $title}\n';
  const options = 'title: {type: str, description: A title}';
  types.clusterTask('make_page', { 'page.yml': manifest }, { options });
  types.operation('greet', 'project', '[{id: greet, task: say_greeting}]');
  aegir = await startAegir({ types: types.path });
  const values = { name: 'shop', repository: 'https://example.org/shop.git', application: 'static' };
  project = (await aegir.call<Entity>('POST', '/api/projects', { values })).body;
  path = `/api/projects/${project.id}/overrides/say_greeting/greeting.j2`;
});

afterAll(async () => {
  await aegir?.stop();
  types.remove();
});

const greeting = async () => aegir.log((await aegir.run('projects', project.id, 'greet', {})).id);

test('an override begins with the Task type’s own text', async () => {
  const own = await aegir.call<TemplateView>('GET', '/api/task-types/say_greeting/templates/greeting.j2');
  const text = 'Hello {{ aegir.subject.name }}';
  expect(own.body).toEqual({ text, override: text });
  const none = await aegir.call<ProblemJson>('GET', '/api/task-types/say_greeting/templates/other.j2');
  expect(none.status).toBe(404);
  expect(none.body.detail).toContain('It has: greeting.j2.');
});

test('a run knows whose text of which version it uses, and that there is none any more', async () => {
  expect(await greeting()).toContain('Hello shop by nobody');
  for (const text of ['Hi', 'Good day {{ aegir.subject.name }}'])
    expect((await aegir.call('PUT', path, { text })).status).toBe(204);
  expect(await greeting()).toContain('Good day shop by Project shop, version 2');
  expect((await aegir.call<OverrideView[]>('GET', `/api/projects/${project.id}/overrides`)).body).toHaveLength(1);
  await aegir.call('PUT', path, { text: null });
  expect(await greeting()).toContain('Hello shop by nobody');
});

test('of several the nearest counts; that of the Organisation holds everywhere', async () => {
  const [organisation] = (await aegir.call<Page<Entity>>('GET', '/api/organisations')).body.items;
  const wide = `/api/organisations/${organisation?.id}/overrides/say_greeting/greeting.j2`;
  expect((await aegir.call('PUT', wide, { text: 'Welcome' })).status).toBe(204);
  const name = organisation?.values.name;
  expect(await greeting()).toContain(`Welcome by Organisation ${name}, version 1`);
  await aegir.call('PUT', path, { text: 'Nearer' });
  expect(await greeting()).toContain('Nearer by Project shop, version 4');
  for (const each of [path, wide]) await aegir.call('PUT', each, { text: null });
  expect(await greeting()).toContain('Hello shop by nobody');
});

test('an override of a manifest begins with a patch that changes nothing', async () => {
  const file = encodeURIComponent('kubernetes/page.yml');
  const { body } = await aegir.call<TemplateView>('GET', `/api/task-types/make_page/templates/${file}`);
  expect(body.text).toContain('data: {t: $title}');
  expect(body.override).toBe('apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: page\n');
});

test('what a Task type has no more can be removed, and not be set again', async () => {
  const gone = `/api/projects/${project.id}/overrides/say_greeting/gone.j2`;
  types.put('roles/say_greeting/templates/gone.j2', 'x');
  expect((await aegir.call('PUT', gone, { text: 'y' })).status).toBe(204);
  types.take('roles/say_greeting/templates/gone.j2');
  const again = await aegir.call<ProblemJson>('PUT', gone, { text: 'z' });
  expect([again.status, again.body.detail]).toEqual([404, expect.stringContaining('It has: greeting.j2.')]);
  expect((await aegir.call('PUT', gone, { text: null })).status).toBe(204);
  expect((await aegir.call('PUT', gone, { text: null })).status).toBe(404);
});
