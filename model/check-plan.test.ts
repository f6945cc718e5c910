import { describe, expect, test } from 'vitest';
import { makeForm } from './form.ts';
import { tasksOf } from './plan.ts';
import type { Scope } from './step-values.ts';
import { catalogue, operationType, plan, scope, taskType } from './testing/plan.ts';
import { resolveSteps } from './walk-steps.ts';

describe('an Operation that only compares', () => {
  const output = { name: 'path', type: 'path' as const, sets: 'environment.path' };
  const types = catalogue([
    taskType('put_files', [], { preview: false }),
    taskType('write_it', [{ name: 'size', type: 'int', remember: true, required: true }], {
      preview: true,
      undo: 'put_files',
      outputs: [output],
    }),
    taskType('look_at_it', [], { changes: false, outputs: [output] }),
    taskType('need_it', [{ name: 'hash', type: 'str', required: true, from: ['release.hash'], missing: 'Build it.' }], {
      preview: true,
    }),
  ]);
  const steps = ['write_it', '$application.install', 'look_at_it', 'need_it'].map(task => ({ task }));
  const type = operationType('compare', steps, { check: true, locks: { environment: 'exclusive' } });
  const more = { check: true, remembered: { write_it: { size: 7 } } };

  test('carries out in check mode what has one, looks where nothing is changed, and names the rest', () => {
    const frozen = plan(types, type, more);
    const made = [...tasksOf(frozen)].map(({ step: { taskType, check, undo, outputs } }) => ({
      ...{ taskType, check, undo },
      sets: outputs.map(({ sets }) => sets),
    }));
    expect(made).toEqual([
      { taskType: 'write_it', check: 'dry_run', undo: null, sets: [undefined] },
      { taskType: 'look_at_it', check: 'look', undo: null, sets: ['environment.path'] },
    ]);
    expect(frozen.check?.notCompared).toEqual([
      { title: 'Title of put_files', reason: 'It cannot be carried out without changing anything.' },
      { title: 'Title of need_it', reason: 'Build it.' },
    ]);
    expect(frozen.locks.map(({ mode }) => mode)).toEqual(['shared']);
  });

  test('asks nothing: what was remembered counts, and without it the Task is left out', () => {
    const form = (own: Partial<Scope>) => {
      const seen = scope(type, own);
      return makeForm(type, resolveSteps(types, type.steps, seen), seen);
    };
    expect(form(more)).toEqual({ groups: [], problems: [] });
    expect(form({ check: true })).toEqual({ groups: [], problems: [] });
    const named = plan(types, type, { check: true }).check?.notCompared.map(({ title }) => title);
    expect(named).toEqual(['Title of write_it', 'Title of put_files', 'Title of need_it']);
  });
});
