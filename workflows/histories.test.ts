// Runs that began under an earlier version of this code go on under this one: their recorded histories are replayed.
// test/record-histories.ts makes them; ARCHITECTURE.md says how to change a workflow.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundleWorkflows } from '../start/workflow-bundle.ts';

const installation = join(import.meta.dirname, '..');
const folder = join(import.meta.dirname, 'histories');
const names = readdirSync(folder).map(file => file.replace(/\.jsonl$/, ''));
const cache = mkdtempSync(join(tmpdir(), 'aegir-replay-'));
let bundle: string;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => {}) });
  bundle = await bundleWorkflows(installation, cache);
});

afterAll(() => rmSync(cache, { recursive: true, force: true }));

function read(name: string): { workflowId: string; events: object[] } {
  const lines = readFileSync(join(folder, `${name}.jsonl`), 'utf8')
    .trimEnd()
    .split('\n');
  const [head, ...events] = lines.map(line => JSON.parse(line));
  return { workflowId: head.workflowId, events };
}

function replay(name: string, codePath = bundle): Promise<void> {
  const { workflowId, events } = read(name);
  const failureConverterPath = join(installation, 'secrets', 'failure-converter.ts');
  const options = { workflowBundle: { codePath }, dataConverter: { failureConverterPath } };
  return Worker.runReplayHistory(options, { events }, workflowId);
}

test.each(names)('the recorded run "%s" goes on', async name => {
  await replay(name);
});

describe('a replay', () => {
  const changed = mkdtempSync(join(tmpdir(), 'aegir-changed-'));

  afterAll(() => rmSync(changed, { recursive: true, force: true }));

  test('finds a workflow that was changed without regard to runs under way', async () => {
    for (const part of ['workflows', 'model', 'secrets'])
      cpSync(join(installation, part), join(changed, part), { recursive: true });
    symlinkSync(join(installation, 'node_modules'), join(changed, 'node_modules'));
    const story = join(changed, 'workflows', 'run-operation.ts');
    const text = readFileSync(story, 'utf8');
    const other = text.replace('    if (plan.preflightTaskId) await recorder().preflight(running.of, plan);\n', '');
    expect(other).not.toBe(text);
    writeFileSync(story, other);
    const codePath = await bundleWorkflows(changed, cache);
    await expect(replay('succeeded', codePath)).rejects.toThrow(DeterminismViolationError);
  });
});

test('there is a run of every kind, and none says anything of the machine on which it was recorded', () => {
  const workflows = [
    'succeeded',
    'parked',
    'retried',
    'undone',
    'cancelled',
    'nested-outer',
    'lock-1',
    'action',
    'delivery',
  ];
  expect(names).toEqual(expect.arrayContaining(workflows));
  for (const name of names) {
    const json = JSON.stringify(read(name).events);
    const bytes = json.match(/[A-Za-z0-9+/=]{12,}/g)?.map(text => Buffer.from(text, 'base64').toString('latin1')) ?? [];
    const everything = [json, ...bytes].join('\n');
    for (const word of ['identity', '/tmp/', '/home/', '/root/', 'file://', 'aegir-sealed', 'node_modules'])
      expect(everything.includes(word), `${name}: ${word}`).toBe(false);
  }
});
