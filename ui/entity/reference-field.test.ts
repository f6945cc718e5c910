import { expect, test } from 'vitest';
import { type Entity, type EntityKind, entities } from '../../model/entities.ts';
import { referenceField } from './reference-field.ts';

const fieldFor = (kind: EntityKind, values: Record<string, unknown> = {}) => {
  const to: Entity = { id: '1', kind, state: 'new', values, fields: {}, createdAt: '', updatedAt: '' };
  return referenceField(entities.environment, to)?.name;
};

test('an Environment that is added on the page of a Server takes it for what it offers', () => {
  expect(fieldFor('server', { web: true, database: false })).toBe('web_server');
  expect(fieldFor('server', { web: true, database: true })).toBe('web_server');
  expect(fieldFor('server', { web: false, database: true })).toBe('database_server');
  expect(fieldFor('server', { web: false, database: false })).toBeUndefined();
});

test('other entities have one field for them', () => {
  expect(fieldFor('release')).toBe('release');
  expect(fieldFor('cluster')).toBe('cluster');
  expect(fieldFor('project')).toBeUndefined();
});
