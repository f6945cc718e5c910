import { expect, test } from 'vitest';
import { entities } from '../../model/entities.ts';
import { listColumns, listFilters } from './columns.ts';

const custom = [
  { name: 'contact', type: 'str' },
  { name: 'notes', type: 'str', format: 'text' },
  { name: 'tier', type: 'str', choices: ['gold', 'silver'] },
  { name: 'api_key', type: 'str', secret: true, choices: ['a', 'b'] },
] as const;
const environment = {
  ...entities.environment,
  customFields: custom.map(spec => ({ ...spec, choices: [...('choices' in spec ? spec.choices : [])] })),
};

test('a list shows what its kind names, in the order of the definition', () => {
  expect(listColumns({ ...environment, customFields: [] }).map(column => column.spec.name)).toEqual([
    'release',
    'web_server',
    'kind',
    'primary_name',
  ]);
});

test('a list shows no secret and no long text', () => {
  const server = listColumns({ ...entities.server, customFields: [] }).map(column => column.spec.name);
  expect(server).not.toContain('ssh_key');
  expect(server).not.toContain('host_key');
  expect(
    listColumns(environment)
      .filter(column => column.isCustom)
      .map(column => column.spec.name),
  ).toEqual(['contact', 'tier']);
});

test('fields with choices narrow a list, custom ones by their own prefix', () => {
  expect(listFilters(environment).map(filter => filter.param)).toEqual(['kind', 'fields.tier']);
});
