import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FormView, OperationView } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { type Aegir, startAegir } from './harness.ts';

const types = mkdtempSync(join(tmpdir(), 'aegir-types-'));
let aegir: Aegir;
let project: Entity;

function put(path: string, text: string): void {
  const file = join(types, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  if (text.startsWith('#!')) chmodSync(file, 0o755);
}

/** A Task type of the backend shell, which runs `script` on the worker. */
function putShellTask(name: string, script: string, { options = '', meta = '' } = {}): void {
  put(
    `roles/${name}/meta/argument_specs.yml`,
    `argument_specs:\n  main:\n    short_description: ${name}\n    description: For tests.\n    options: {${options}}\n`,
  );
  put(`roles/${name}/meta/aegir.yml`, `target: worker\n${meta}`);
  put(`roles/${name}/shell/run`, `#!/bin/sh\n${script}\n`);
}

beforeAll(async () => {
  putShellTask('say_greeting', 'cat >&2; echo "hello\\nworld"; echo \'{"greeting": "hi"}\' > "$AEGIR_OUTPUTS"', {
    options: 'who: {type: str, description: Whom, required: true}',
    meta: 'outputs:\n  greeting: {type: str, help: What was said}\n',
  });
  putShellTask('fail_always', 'echo about to fail; exit 3');
  putShellTask('wait_long', 'echo waiting; sleep 600');
  put(
    'operations/greet.yml',
    'title: Greet\ndescription: Says hello.\non: project\nsteps:\n  - {id: one, task: say_greeting}\n  - {id: two, task: say_greeting, with: {who: $steps.one.greeting}}\n',
  );
  put(
    'operations/greet_nested.yml',
    'title: Greet nested\ndescription: Nests.\non: project\nsteps:\n  - {id: inner, operation: greet, with: {who: world}}\n  - {id: last, task: say_greeting, with: {who: $steps.inner.two.greeting}}\n  - id: both\n    parallel:\n      - {id: a, task: say_greeting, with: {who: a}}\n      - {id: b, task: say_greeting, with: {who: b}}\n',
  );
  put(
    'operations/break.yml',
    'title: Break\ndescription: Fails.\non: project\nsteps:\n  - {id: bad, task: fail_always}\n  - {id: never, task: say_greeting, with: {who: nobody}}\n',
  );
  put(
    'operations/linger.yml',
    'title: Linger\ndescription: Waits.\non: project\nsteps:\n  - {id: wait, task: wait_long}\n',
  );
  aegir = await startAegir({ types });
  const { body, status } = await aegir.call<Entity>('POST', '/api/projects', {
    values: { name: 'site', repository: 'https://example.org/site.git', application: 'static' },
  });
  expect(status, JSON.stringify(body)).toBe(201);
  project = body;
});

afterAll(async () => {
  await aegir?.stop();
  rmSync(types, { recursive: true, force: true });
});

describe('an Operation', () => {
  test('asks only for what nothing fills, each once', async () => {
    const { body } = await aegir.call<FormView>('GET', `/api/projects/${project.id}/operation-types/greet/form`);
    expect(body.groups.flatMap(group => group.fields.map(field => field.name))).toEqual(['who']);
    expect(body.steps.map(step => step.id)).toEqual(['one', 'two']);
  });

  test('runs its steps in order, binds outputs and keeps the log of each', async () => {
    const done = await aegir.run('projects', project.id, 'greet', { who: '{{ lookup("pipe", "id") }}' });
    expect(done.state, done.message).toBe('succeeded');
    expect(done.tasks.map(task => [task.step, task.state])).toEqual([
      ['preflight', 'succeeded'],
      ['one', 'succeeded'],
      ['two', 'succeeded'],
    ]);
    expect(done.tasks[2]?.inputs).toEqual({ who: 'hi' });
    const log = await aegir.log(done.id);
    expect(log).toContain('{{ lookup(');
    expect(log).not.toContain('uid=');
  });

  test('nests another one as a run of its own and runs parallel steps', async () => {
    const done = await aegir.run('projects', project.id, 'greet_nested');
    expect(done.state, done.message).toBe('succeeded');
    expect(done.children.map(child => [child.type, child.state])).toEqual([['greet', 'succeeded']]);
    expect(done.tasks.map(task => [task.step, task.depth, task.state])).toEqual([
      ['preflight', 0, 'succeeded'],
      ['one', 1, 'succeeded'],
      ['two', 1, 'succeeded'],
      ['last', 0, 'succeeded'],
      ['a', 0, 'succeeded'],
      ['b', 0, 'succeeded'],
    ]);
  });

  test('stops at a failed Task, keeps its log and exit code, and does not run what follows', async () => {
    const done = await aegir.run('projects', project.id, 'break');
    expect(done.state).toBe('failed');
    expect(done.exitCode).toBe(3);
    expect(done.tasks.map(task => task.state)).toEqual(['succeeded', 'failed', 'skipped']);
    expect(await aegir.log(done.id)).toContain('about to fail');
  });

  test('that is cancelled ends its process and says so', async () => {
    const { body } = await aegir.call<OperationView>('POST', `/api/projects/${project.id}/operations`, {
      type: 'linger',
    });
    await expect.poll(() => aegir.log(body.id), { timeout: 20_000 }).toContain('waiting');
    expect((await aegir.call('POST', `/api/operations/${body.id}/cancel`)).status).toBe(202);
    const done = await aegir.waitFor(body.id);
    expect(done.state).toBe('cancelled');
    expect(done.tasks[1]?.state).toBe('cancelled');
    expect((await aegir.call('POST', `/api/operations/${body.id}/cancel`)).status).toBe(202);
  });

  test('is started once by a repeated request', async () => {
    const request = { type: 'greet', input: { who: 'me' } };
    const options = { headers: { 'idempotency-key': 'same' } };
    const [one, two] = await Promise.all([
      aegir.call<OperationView>('POST', `/api/projects/${project.id}/operations`, request, options),
      aegir.call<OperationView>('POST', `/api/projects/${project.id}/operations`, request, options),
    ]);
    expect(one.body.id).toBe(two.body.id);
    expect((await aegir.waitFor(one.body.id)).state).toBe('succeeded');
  });

  test('with a wrong input is refused with every mistake and leaves no row', async () => {
    const before = await aegir.call<{ items: unknown[] }>('GET', '/api/operations');
    const { status, body } = await aegir.call<{ problems: { path: string }[] }>(
      'POST',
      `/api/projects/${project.id}/operations`,
      {
        type: 'greet',
        input: { whom: 'x' },
      },
    );
    expect(status).toBe(422);
    expect(body.problems.map(problem => problem.path).sort()).toEqual(['who', 'whom']);
    const after = await aegir.call<{ items: unknown[] }>('GET', '/api/operations');
    expect(after.body.items.length).toBe(before.body.items.length);
  });

  test('whose worker was stopped in the middle is carried out again by the next one', async () => {
    const { body } = await aegir.call<OperationView>('POST', `/api/projects/${project.id}/operations`, {
      type: 'linger',
    });
    await expect.poll(() => aegir.log(body.id), { timeout: 20_000 }).toContain('waiting');
    await aegir.worker.stop();
    await aegir.startWorker();
    const attempts = async () =>
      (await aegir.call<OperationView>('GET', `/api/operations/${body.id}`)).body.tasks[1]?.attempts.map(
        attempt => attempt.state,
      );
    await expect.poll(attempts, { timeout: 30_000 }).toEqual(['failed', 'running']);
    await aegir.call('POST', `/api/operations/${body.id}/cancel`);
    expect((await aegir.waitFor(body.id)).state).toBe('cancelled');
  });
});
