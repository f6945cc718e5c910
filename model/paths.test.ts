import { expect, test } from 'vitest';
import { readPath, resolvePathType } from './paths.ts';

const specs: [string, string][] = [
  ['environment.primary_name', 'str'],
  ['environment.id', 'str'],
  ['environment.state', 'str'],
  ['environment.release.project.name', 'str'],
  ['environment.web_server.cluster', 'reference'],
  ['environment.project.repository', 'str'],
  ['environment.server.web_port', 'int'],
  ['environment.organisation.name', 'str'],
  ['environment', 'reference'],
  ['project.fields.contact', 'raw'],
  ['environment.release.fields.x', 'raw'],
  ['server.facts', 'dict'],
  ['server.facts.system.name', 'raw'],
  ['release.hash', 'str'],
  ['presence.path', 'str'],
];

test.each(specs)('%s is a %s', (path, type) => {
  expect(resolvePathType(path)).toMatchObject({ spec: { type } });
});

test('a reference says what it names', () => {
  expect(resolvePathType('environment.cluster')).toMatchObject({ spec: { type: 'reference', to: 'cluster' } });
});

const wrong: [string, RegExp][] = [
  ['', /no root/],
  ['enviroment.name', /Did you mean "environment"/],
  ['environment.primry_name', /Did you mean "primary_name"/],
  ['environment.primary_name.length', /single value/],
  ['environment.fields', /custom field/],
  ['environment.fields.a.b', /custom field/],
  ['environment.', /does not exist/],
  ['environment..name', /does not exist/],
  ['environment.constructor', /does not exist/],
  ['environment.__proto__', /does not exist/],
  ['constructor.name', /no root/],
  ['presence.release', /presence.path/],
  ['presence', /presence.path/],
  ['server.environment', /does not exist/],
];

test.each(wrong)('"%s" does not exist', (path, message) => {
  expect(resolvePathType(path)).toEqual({ problem: expect.stringMatching(message) });
});

const organisation = { id: 'o', name: 'Club' };
const project = { id: 'p', name: 'shop', organisation, fields: { contact: 'a@b' } };
const release = { id: 'r', name: 'r1', hash: null, project };
const roots = {
  environment: {
    id: 'e',
    release,
    cluster: { id: 'c', web_addresses: ['10.0.0.1'] },
    web_server: { id: 's', facts: { system: { name: 'Debian' } } },
  },
  project,
  application: { docroot: 'web' },
};

const values: [string, unknown][] = [
  ['environment.id', 'e'],
  ['environment.release.project.name', 'shop'],
  ['environment.project.fields.contact', 'a@b'],
  ['environment.organisation.name', 'Club'],
  ['environment.release.organisation.name', 'Club'],
  ['environment.cluster.id', 'c'],
  ['environment.cluster.web_addresses', ['10.0.0.1']],
  ['application.docroot', 'web'],
  ['application.nothing', undefined],
  ['environment.server.facts.system.name', 'Debian'],
  ['environment.release', release],
  ['environment.release.hash', null],
  ['project.fields.nothing', undefined],
  ['server.name', undefined],
  ['environment.release.hash.x', undefined],
  ['environment.constructor', undefined],
  ['environment.__proto__.x', undefined],
  ['__proto__.toString', undefined],
  ['', undefined],
];

test.each(values)('%s reads %j', (path, value) => {
  expect(readPath(roots, path)).toEqual(value);
});
