import { expect, test } from 'vitest';
import { failedChecks } from './operation-checks.ts';
import type { OperationCheck, OperationField } from './operation-type.ts';
import type { PathRoots } from './step-values.ts';

const entity = (id: string, values: Record<string, unknown> = {}) => ({ id, name: id, state: 'new', ...values });
const server = entity('server-1');
const roots: PathRoots = {
  environment: entity('environment-1', { web_server: server }),
  server,
  source: entity('environment-2', { web_server: entity('server-2') }),
};
const fields: OperationField[] = [
  { name: 'source', type: 'reference', to: 'environment' },
  { name: 'sure', type: 'bool' },
];

test.each<[string, Omit<OperationCheck, 'message'>, string[]]>([
  ['holds', { that: 'source.id', isNot: ['$environment.id'] }, []],
  ['does not hold', { that: 'source.web_server.name', is: ['$server.name', 'another'] }, ['source']],
  ['is said not to matter', { that: 'source.id', is: ['x'], unless: 'sure' }, []],
  ['has nothing to look at', { that: 'backup.note', is: ['x'] }, []],
])('is checked: what %s', (_, check, paths) => {
  const type = { on: 'environment' as const, fields, checks: [{ ...check, message: 'No.' }] };
  expect(failedChecks(type, roots, { sure: true }).map(({ path }) => path)).toEqual(paths);
});
