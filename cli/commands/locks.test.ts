import { beforeEach, expect, test } from 'vitest';
import { claimView, entityView } from '../testing/fixtures.ts';
import { useFakeApi } from '../testing/setup.ts';

const setting = useFakeApi();

beforeEach(() => setting.api.answer('GET /api/environments/blog', entityView('environment', 'e1', { name: 'blog' })));

test('the queue of a lock is listed, the holder first', async () => {
  setting.api.answer('GET /api/locks', [claimView('op0', 0), claimView('op1', 1)]);
  const { code, stdout } = await setting.run(['locks', 'environment/blog']);
  expect(code).toBe(0);
  expect(setting.api.requests('GET /api/locks')[0]?.query).toEqual({ kind: 'environment', id: 'e1' });
  expect(stdout).toMatch(/\nholds it +Install op0 +op0 +Bob +exclusive .*\n1st +Install op1 +op1 /);
  setting.api.answer('GET /api/locks', []);
  expect((await setting.run(['locks', 'environment/blog'])).stderr).toBe(
    'Nobody holds a lock on the environment blog.\n',
  );
});

test('release takes it away from one Operation', async () => {
  setting.api.answer('DELETE /api/locks/environment/e1/op0', undefined, 204);
  const { stdout } = await setting.run(['locks', 'release', 'environment/blog', 'op0']);
  expect(stdout).toBe('Operation op0 has no lock on the environment blog any more.\n');
  expect(setting.api.requests('DELETE /api/locks/environment/e1/op0')).toHaveLength(1);
  expect((await setting.run(['locks', 'blog'])).stderr).toContain('"blog" is not kind/name');
});
