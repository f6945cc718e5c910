import { expect, test } from 'vitest';
import type { OperationField, OperationType } from './operation-type.ts';
import { askedOf, missingPreset, unfit, withPresets } from './preset-fields.ts';
import type { PathRoot, PathRoots } from './step-values.ts';

const release = (id: string, more: Partial<PathRoot> = {}) => ({ id, name: id, state: 'new', locked: false, ...more });
const field: OperationField = {
  ...{ name: 'release', type: 'reference', to: 'release', required: true, from: 'environment.previous_release' },
  ...{ among: { project: 'environment.release.project' }, except: 'environment.release' },
};
const type = (more: Partial<OperationField> = {}) => ({ fields: [{ ...field, ...more }] }) as OperationType;
const roots = (previous: unknown): PathRoots => ({
  environment: {
    ...{ id: 'E', name: 'blog', state: 'enabled', previous_release: previous },
    release: { ...release('R2'), project: { id: 'P', name: 'blog', state: 'new' } },
  },
});
const presetOf = (previous: unknown) => withPresets(type(), roots(previous)).fields[0]?.default;

test('the subject fills a field, unless nobody may take that or it has it already', () => {
  expect([presetOf(release('R1')), presetOf('R1')]).toEqual(['R1', 'R1']);
  for (const none of [null, release('R2'), release('R1', { state: 'deleted' }), release('R1', { locked: true })])
    expect(presetOf(none)).toBeUndefined();
});

test('what is not asked and not known is said in words, and is no field of the form', () => {
  const hidden = type({ ask: false, missing: 'There is none.' });
  expect([missingPreset(hidden, roots(null)), missingPreset(hidden, roots('R1'))]).toEqual(['There is none.', '']);
  expect(askedOf(hidden.fields)).toEqual([]);
  expect(missingPreset(type(), roots(null))).toBe('');
});

test('a choice of something else, or of the present one, is refused by its name', () => {
  const [ready] = withPresets(type(), roots(null)).fields;
  const wordsFor = (id: string, project: string) => ready && unfit(ready, { id, values: { name: id, project } });
  expect(wordsFor('R1', 'P')).toBe('');
  expect(wordsFor('R2', 'P')).toBe('The Release R2 is the present one: there is nothing to do.');
  expect(wordsFor('R3', 'Q')).toBe('The Release R3 is of another Project.');
});
