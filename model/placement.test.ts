import { expect, test } from 'vitest';
import { type Candidate, checkChosen, placeOn, type Wish } from './placement.ts';

const GiB = 1024 ** 3;
const web: Wish = { service: 'web', cluster: 'farm', phpVersion: null };

function server(name: string, more: Partial<Candidate> = {}): Candidate {
  return {
    id: `id-${name}`,
    name,
    state: 'verified',
    services: ['web'],
    phpVersions: [],
    capacity: null,
    environments: 0,
    freeBytes: 10 * GiB,
    ...more,
  };
}

function reason(candidates: Candidate[], wish: Wish = web): string {
  const placed = placeOn(candidates, wish);
  return 'reason' in placed ? placed.reason : placed.problems.map(problem => problem.message).join(' ');
}

test('the Server with most room for one more is taken, and the reason compares', () => {
  const servers = [
    server('web-1', { freeBytes: 40 * GiB, environments: 40 }),
    server('web-2', { freeBytes: 34 * GiB, environments: 12 }),
    server('web-3', { freeBytes: 900 * GiB, environments: 50, capacity: 50 }),
  ];
  expect(placeOn(servers, web)).toEqual({
    server: servers[1],
    reason:
      'web-2 has most room: 34 GiB free for 12 Environments; web-1: 40 GiB free for 40 Environments; web-3 is full (50 of 50)',
  });
});

test('a Server of which nothing is known comes after every verified one', () => {
  const full = server('web-2', { freeBytes: 0, environments: 99 });
  expect(reason([server('web-1', { state: 'new', freeBytes: null }), full])).toBe(
    'web-2 has most room: 0 B free for 99 Environments; web-1: not verified yet, 0 Environments',
  );
  expect(reason([server('web-1', { state: 'new', freeBytes: null })])).toBe(
    'web-1 is the only one that fits: not verified yet, 0 Environments',
  );
});

test('the name decides between equals, whatever their order', () => {
  const [one, two] = [server('web-1', { environments: 1, freeBytes: 20 * GiB }), server('web-2')];
  const words =
    'web-1 comes first by name among those with the same room: 20 GiB free for 1 Environment; web-2: 10 GiB free for 0 Environments';
  expect(reason([one, two])).toBe(words);
  expect(reason([two, one])).toBe(words);
});

test('many Servers are counted, not named', () => {
  const servers = [1, 2, 3, 4, 5, 6].map(number => server(`web-${number}`, { freeBytes: number * GiB }));
  expect(reason(servers)).toMatch(/^web-6 has most room: .*web-5: .*web-4: .*web-3: .*; and 2 more$/);
});

test('only a Server with the wanted PHP is taken, and any PHP where none is named', () => {
  const servers = [
    server('web-1', { phpVersions: ['8.2', '8.3'] }),
    server('web-2', { phpVersions: ['8.4'], freeBytes: GiB }),
    server('web-3', { freeBytes: 99 * GiB }),
  ];
  expect(reason(servers, { ...web, phpVersion: '8.4' })).toBe(
    'web-2 is the only one that fits: 1 GiB free for 0 Environments; web-1 has no PHP 8.4: it has 8.2, 8.3; web-3 has no PHP',
  );
  expect(reason(servers, { ...web, phpVersion: '' })).toMatch(/^web-1 has most room/);
  expect(reason(servers)).toMatch(/^web-3 has most room/);
});

test('when none fits, each one says why, at the field that could name another', () => {
  const servers = [
    server('web-1', { phpVersions: ['8.2'] }),
    server('web-2', { state: 'failed' }),
    server('web-3', { capacity: 0 }),
    server('old', { state: 'deleted' }),
    server('db-1', { services: ['database'] }),
  ];
  const placed = placeOn(servers, { ...web, phpVersion: '8.4' });
  expect(placed).toEqual({
    problems: [
      'No web server of farm can take it. Mend one of these, add another one, or choose another Cluster.',
      'web-1 has no PHP 8.4: it has 8.2.',
      'web-2 failed its last verify.',
      'web-3 is full (0 of 0).',
    ].map(message => ({ path: 'web_server', message })),
  });
});

test('a Cluster without such a Server says so; PHP is no matter of a database Server', () => {
  const wish: Wish = { service: 'database', cluster: 'farm', phpVersion: '8.2' };
  expect(placeOn([server('web-1')], wish)).toEqual({
    problems: [
      {
        path: 'database_server',
        message: 'No Server of farm offers databases. Add one that does, or choose another Cluster.',
      },
    ],
  });
  expect(reason([server('db-1', { services: ['database'] })], wish)).toMatch(/^db-1 is the only one that fits/);
});

test('what a person chooses must offer the service, with a free place and the PHP; a failed verify is no obstacle', () => {
  const messages = (one: Candidate, wish: Wish = web) => checkChosen(one, wish).map(problem => problem.message);
  expect(messages(server('web-1', { state: 'failed', freeBytes: null }))).toEqual([]);
  expect(messages(server('db-1', { services: ['database'] }))).toEqual([
    'db-1 offers no web. Change that on its page, or choose another one.',
  ]);
  expect(messages(server('web-1', { capacity: 3, environments: 3 }))).toEqual([
    'web-1 is full (3 of 3). Change that on its page, or choose another web server.',
  ]);
  expect(messages(server('web-1'), { ...web, phpVersion: '' })).toEqual([
    'web-1 has no PHP. Change that on its page, or choose another web server.',
  ]);
  expect(messages(server('web-1', { state: 'deleted' }))).toEqual(['web-1 is deleted.']);
});
