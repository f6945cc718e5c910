// Outputs that a Task gives by feedback: they count beside those that its program writes, and go to later steps.

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Entity } from '../model/entities.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

const types = makeTypeFolder();
let aegir: Aegir;
let project: Entity;

const tell = `
let input = '';
for await (const piece of process.stdin) input += piece;
const { aegir } = JSON.parse(input);
const post = async outputs => {
  const headers = { authorization: 'Bearer ' + aegir.feedback_token, 'content-type': 'application/json' };
  const { status } = await fetch(aegir.feedback_url + '/outputs', { method: 'POST', headers, body: JSON.stringify(outputs) });
  console.log('told', status);
};
await post({ report: 'x'.repeat(100_000), number: 1 });
await post({ report: 'x'.repeat(1_100_000) });
`;

beforeAll(async () => {
  types.put('tell.mjs', tell);
  const script = `${process.execPath} ${types.path}/tell.mjs && echo '{"number": 2}' >"$AEGIR_OUTPUTS"`;
  types.shellTask('tell_much', script, { meta: 'outputs: {report: {type: str}, number: {type: int}}\n' });
  types.shellTask('hear_much', 'wc -c', { options: 'report: {type: str, description: Long, required: true}' });
  const steps = '[{id: tell, task: tell_much}, {id: hear, task: hear_much, with: {report: $steps.tell.report}}]';
  types.operation('tell', 'project', steps);
  aegir = await startAegir({ types: types.path });
  const values = { name: 'shop', repository: 'https://example.org/shop.git', application: 'static' };
  project = (await aegir.call<Entity>('POST', '/api/projects', { values })).body;
});
afterAll(async () => {
  await aegir?.stop();
  types.remove();
});

test('outputs told meanwhile are kept at the end, under those of the program; more than 1 MiB is refused', async () => {
  const operation = await aegir.run('projects', project.id, 'tell');
  const log = await aegir.log(operation.id);
  expect(operation.state, log).toBe('succeeded');
  const { report, ...others } = operation.tasks.find(({ type }) => type === 'tell_much')?.outputs ?? {};
  expect(String(report)).toMatch(/^x{100000}$/);
  expect(others).toEqual({ number: 2 });
  expect(log).toMatch(/told 204\ntold 422/);
  // The next step has got it.
  expect(Number(/^\d{6,}$/m.exec(log)?.[0])).toBeGreaterThan(100_000);
});
