import { expect, test } from 'vitest';
import { changedFields, changedValues, withChanged } from './changed-fields.ts';
import type { PathRoots } from './step-values.ts';

const key = { $secret: 'S' };
const roots: PathRoots = {
  environment: {
    ...{ id: 'E', name: 'shop', state: 'enabled', primary_name: 'shop.test', https_key: key, https_certificate: null },
    ...{ aliases: ['*.shop.test', 'next.test'], redirect_names: ['old.test'], https: 'off' },
  },
};
const changes = {
  asks: ['primary_name', 'aliases', 'https_certificate', 'https_key'],
  extends: { redirect_names: { by: 'environment.primary_name', when: 'former_leads' } },
};
const type = { on: 'environment' as const, changes };

test('fields stand there as they are, but for secrets', () => {
  expect(changedFields(type, roots).map(field => [field.name, field.default, field.required ?? false])).toEqual([
    ['primary_name', 'shop.test', true],
    ['aliases', ['*.shop.test', 'next.test'], false],
    ['https_certificate', undefined, false],
    ['https_key', undefined, false],
  ]);
  expect(changedFields({ on: 'environment' }, roots)).toEqual([]);
});

test('only what becomes another is changed, and each name has one use', () => {
  const changed = changedValues(type, roots, {
    primary_name: 'next.test',
    aliases: ['*.shop.test', 'next.test'],
    former_leads: true,
  });
  expect(changed).toEqual({
    before: { primary_name: 'shop.test', aliases: ['*.shop.test', 'next.test'], redirect_names: ['old.test'] },
    after: { primary_name: 'next.test', aliases: ['*.shop.test'], redirect_names: ['old.test', 'shop.test'] },
  });
  const seen = withChanged(roots, 'environment', changed).environment;
  expect([seen?.primary_name, seen?.https_key, seen?.id]).toEqual(['next.test', key, 'E']);
  expect(roots.environment?.primary_name).toBe('shop.test');
  // A name that the site has again leads nowhere.
  const back = changedValues(type, roots, { primary_name: 'old.test', former_leads: false });
  expect(back?.after).toEqual({ primary_name: 'old.test', redirect_names: [] });
  expect(changedValues(type, roots, { primary_name: 'shop.test' })).toEqual({ before: {}, after: {} });
  expect(changedValues(type, roots, { https_key: 'entered' })?.after).toEqual({ https_key: 'entered' });
  expect(changedValues({ on: 'environment' }, roots, {})).toBe(null);
});
