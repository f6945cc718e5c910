import { expect, test } from 'vitest';
import type { FormView, OperationView } from '../../api/contract.ts';
import { sendJson } from '../testing/fake-api.ts';
import { catalogueView, entityView, formView, operationType, operationView } from '../testing/fixtures.ts';
import { useFakeApi } from '../testing/setup.ts';

const setting = useFakeApi();
const start = 'POST /api/environments/e1/operations';

function offer(form: FormView = formView()): void {
  const { api } = setting;
  api.answer('GET /api/catalogue', catalogueView(operationType('install_environment')));
  api.answer('GET /api/environments/blog', entityView('environment', 'e1', { name: 'blog' }));
  api.answer('GET /api/environments/e1/operation-types/install_environment/form', form);
  api.answer<OperationView>(start, operationView({ state: 'queued' }), 201);
}

test('the fields of the form are flags, and the id and the page of the Operation are printed', async () => {
  offer(
    formView([
      { name: 'http_port', type: 'int' },
      { name: 'reason', type: 'str' },
    ]),
  );
  const flags = ['--http-port', '8080', '--field-reason', 'before update', '--reason', 'asked for'];
  const result = await setting.run(['run', 'install_environment', 'environment/blog', ...flags]);
  expect(result).toEqual({
    code: 0,
    stdout: `Operation op1 is queued.\n${setting.api.url}/operations/op1\n`,
    stderr: '',
  });
  expect(setting.api.requests(start)[0]?.body).toEqual({
    type: 'install_environment',
    input: { http_port: 8080, reason: 'before update' },
    reason: 'asked for',
  });
});

test('what is chosen is told when the form is asked for: it may bring further flags', async () => {
  const form = 'GET /api/environments/e1/operation-types/install_environment/form';
  const backup = { name: 'backup', type: 'reference', to: 'backup' } as const;
  offer(formView([backup, { name: 'sanitise', type: 'bool' }]));
  setting.api.answer('GET /api/catalogue', catalogueView(operationType('install_environment', [backup])));
  await setting.run(['run', 'install_environment', 'blog', '--backup', 'blog-1', '--sanitise']);
  expect(setting.api.requests(form)[0]?.query).toEqual({ input: '{"backup":"blog-1"}' });
  expect(setting.api.requests(start)[0]?.body).toMatchObject({ input: { backup: 'blog-1', sanitise: true } });
});

test('a priority is sent as a number, and a wrong one sends nothing', async () => {
  offer();
  await setting.run(['run', 'install_environment', 'blog', '--priority', '5']);
  expect(setting.api.requests(start)[0]?.body).toMatchObject({ priority: 5 });
  const refused = await setting.run(['run', 'install_environment', 'blog', '--priority', '11']);
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.stderr).toContain('from -10 to 10');
  expect(setting.api.requests(start)).toHaveLength(1);
});

test('a start is tried again with the same key, so that it happens once', async () => {
  offer();
  let tries = 0;
  setting.api.on(start, (_request, response) => {
    tries++;
    if (tries === 1) response.destroy();
    else if (tries === 2) sendJson(response, {}, 503);
    else sendJson(response, operationView(), 201);
  });
  expect((await setting.run(['run', 'install-environment', 'blog'])).code).toBe(0);
  const keys = setting.api.requests(start).map(request => request.headers['idempotency-key']);
  expect(keys).toHaveLength(3);
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toMatch(/^[\da-f-]{36}$/);
});

test('--help with an entity lists the fields, the steps and what is in the way', async () => {
  offer({
    ...formView([{ name: 'http_port', type: 'int', help: 'Where it listens.', required: true }]),
    problems: [{ path: '', message: 'The Release is not built yet.' }],
  });
  const result = await setting.run(['run', 'install_environment', 'blog', '--help']);
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(result.stdout).toContain('--http-port <number>  http_port. Where it listens. (required)');
  expect(result.stdout).toContain('Deploy release (web1)');
  expect(result.stdout).toContain('The Release is not built yet.');
  expect(setting.api.requests(start)).toEqual([]);
});

test('an unknown Operation type gets a suggestion', async () => {
  offer();
  const result = await setting.run(['run', 'instal_environment', 'blog']);
  expect(result.code).toBe(2);
  expect(result.stderr).toContain('Did you mean install_environment?');
});

test('a refused Operation type says with which mistakes', async () => {
  const problems = [{ file: 'operations/broken.yml', line: 3, message: 'There is no Task type "x".' }];
  setting.api.answer('GET /api/catalogue', { ...catalogueView(), problems });
  const result = await setting.run(['run', 'broken', 'blog']);
  expect(result.stderr).toContain('  operations/broken.yml:3: There is no Task type "x".');
});

test('an entity of another kind than the type runs on is refused', async () => {
  offer();
  const result = await setting.run(['run', 'install_environment', 'server/web1']);
  expect(result).toMatchObject({
    code: 2,
    stderr: 'error: install_environment runs on: environment. "server/web1" names a server.\n',
  });
});

test('an entity that is missing on the command line is a usage error', async () => {
  offer();
  const result = await setting.run(['run', 'install_environment']);
  expect(result.code).toBe(2);
  expect(result.stderr).toContain("missing required argument 'entity'");
});
