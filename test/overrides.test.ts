// An override of a template from its beginning, the Task type's own text, to the run that knows whose text it used.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { OverrideView, ProblemJson, TemplateView } from '../api/contract.ts';
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
  expect(own.body).toEqual({ text: 'Hello {{ aegir.subject.name }}' });
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
