import { beforeEach, expect, test } from 'vitest';
import type { TerraformStateView } from '../../api/contract-terraform.ts';
import { entityView } from '../testing/fixtures.ts';
import { useFakeApi } from '../testing/setup.ts';

const setting = useFakeApi();
const state: TerraformStateView = {
  taskType: 'make_bucket',
  resources: 3,
  serial: 7,
  changedAt: '2026-11-23T01:00:00.000Z',
  heldBy: '',
  former: [{ id: 'f1', resources: 2, serial: 4, replacedAt: '2026-11-22T01:00:00.000Z' }],
};

beforeEach(() => setting.api.answer('GET /api/environments/blog', entityView('environment', 'e1', { name: 'blog' })));

test('what Terraform manages is listed with its former states', async () => {
  setting.api.answer('GET /api/terraform-states', [state]);
  const { code, stdout } = await setting.run(['terraform', 'environment/blog']);
  expect(code).toBe(0);
  expect(setting.api.requests('GET /api/terraform-states')[0]?.query).toEqual({ kind: 'environment', id: 'e1' });
  expect(stdout).toMatch(/\nmake_bucket +3 /);
  expect(stdout).toMatch(/\n– +2 .* f1/);
  setting.api.answer('GET /api/terraform-states', []);
  expect((await setting.run(['terraform', 'environment/blog'])).stderr).toBe(
    'Terraform has made nothing for the environment blog.\n',
  );
});

test('restore puts a former one into its place', async () => {
  setting.api.answer('POST /api/terraform-states/environment/e1/restore', [state]);
  const { stdout } = await setting.run(['terraform', 'restore', 'environment/blog', 'f1', '--reason', 'spoilt']);
  expect(stdout).toContain('It is the present state now.');
  expect(setting.api.requests('POST /api/terraform-states/environment/e1/restore')[0]?.body).toEqual({
    former: 'f1',
    reason: 'spoilt',
  });
  expect((await setting.run(['terraform', 'blog'])).stderr).toContain('"blog" is not kind/name');
});
