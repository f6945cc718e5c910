import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { sendJson } from './testing/fake-api.ts';
import { sessionView } from './testing/fixtures.ts';
import { useFakeApi } from './testing/setup.ts';

const setting = useFakeApi();
const nobody = { AEGIR_URL: '', AEGIR_TOKEN: '' };

beforeEach(() => {
  setting.api.answer('GET /api/session', sessionView());
  setting.api.answer('GET /api/tokens', []);
});

function sentCredentials(): (string | undefined)[] {
  return setting.api.requests('GET /api/tokens').map(request => request.headers.authorization);
}

function installHere(): typeof nobody & { AEGIR_HOME: string } {
  const home = join(setting.sandbox.folder, 'home');
  mkdirSync(home);
  const status = { pid: process.pid, addresses: { aegir: setting.api.url }, parts: [] };
  writeFileSync(join(home, 'status.json'), JSON.stringify(status));
  writeFileSync(join(home, 'local-token'), 'local-secret\n', { mode: 0o600 });
  return { ...nobody, AEGIR_HOME: home };
}

test('sign-in checks the token, keeps it in a file for its owner only, and later commands use it', async () => {
  const words = ['sign-in', '--url', `${setting.api.url}/`];
  const result = await setting.run(words, { variables: nobody, stdin: 'from-stdin\n' });
  expect(result).toMatchObject({ code: 0, stderr: '' });
  expect(result.stdout).toContain('as Ada (administrator)');
  expect(statSync(setting.sandbox.settingsFile).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(setting.sandbox.settingsFile, 'utf8'))).toEqual({
    url: setting.api.url,
    token: 'from-stdin',
  });
  await setting.run(['token', 'list'], { variables: nobody });
  expect(sentCredentials()).toEqual(['Bearer from-stdin']);
});

test('a wrong token is not kept', async () => {
  setting.api.refuse('GET /api/session', { status: 401, title: '', detail: '' });
  const result = await setting.run(['sign-in', '--token', '-'], { stdin: 'wrong' });
  expect(result.code).toBe(3);
  expect(() => statSync(setting.sandbox.settingsFile)).toThrow();
});

test('sign-out forgets the token', async () => {
  await setting.run(['sign-in'], { stdin: 'x' });
  expect((await setting.run(['sign-out'])).stdout).toBe(`Signed out of ${setting.api.url}.\n`);
  await setting.run(['token', 'list'], { variables: { AEGIR_TOKEN: '' } });
  expect(sentCredentials()).toEqual([undefined]);
});

test('flags come before the environment, which comes before the sign-in', async () => {
  await setting.run(['sign-in', '--token', '-'], { stdin: 'signed-in' });
  await setting.run(['token', 'list', '--token', 'flag']);
  await setting.run(['token', 'list']);
  await setting.run(['token', 'list'], { variables: nobody });
  expect(sentCredentials()).toEqual(['Bearer flag', 'Bearer secret-token', 'Bearer signed-in']);
});

test('a token is never sent to another address than its own', async () => {
  const variables = { ...installHere(), AEGIR_URL: 'http://aegir.example', AEGIR_TOKEN: 'for-example' };
  const settings = { url: 'http://aegir.example', token: 'signed-in' };
  mkdirSync(join(setting.sandbox.settingsFile, '..'), { recursive: true });
  writeFileSync(setting.sandbox.settingsFile, JSON.stringify(settings));
  writeFileSync(join(variables.AEGIR_HOME, 'status.json'), '{"pid":1,"addresses":{"aegir":"http://x.example"}}');
  await setting.run(['token', 'list', '--url', setting.api.url], { variables });
  expect(sentCredentials()).toEqual([undefined]);
});

test('on its own machine the owner of the data folder makes a first token without a browser', async () => {
  setting.api.answer('POST /api/tokens', { id: 't1', name: 'ci', token: 'aegir_abc' }, 201);
  const result = await setting.run(['token', 'create', '--name', 'ci'], { variables: installHere() });
  expect(result).toEqual({ code: 0, stdout: 'aegir_abc\n', stderr: '' });
  const [request] = setting.api.requests('POST /api/tokens');
  expect(request?.headers.authorization).toBe('Local local-secret');
  expect(request?.body).toEqual({ name: 'ci' });
});

test('a local token that changes between two tries of a request is read again', async () => {
  const variables = installHere();
  let tries = 0;
  setting.api.on('GET /api/tokens', (_request, response) => {
    tries++;
    if (tries > 1) return sendJson(response, []);
    writeFileSync(join(variables.AEGIR_HOME, 'local-token'), 'after-restart');
    response.destroy();
  });
  expect((await setting.run(['token', 'list'], { variables })).code).toBe(0);
  expect(sentCredentials()).toEqual(['Local local-secret', 'Local after-restart']);
});

test('a chosen AEGIR_HOME is meant, whatever was signed in to before', async () => {
  mkdirSync(join(setting.sandbox.settingsFile, '..'), { recursive: true });
  writeFileSync(setting.sandbox.settingsFile, '{"url":"http://127.0.0.1:9","token":"other"}');
  await setting.run(['token', 'list'], { variables: installHere() });
  expect(sentCredentials()).toEqual(['Local local-secret']);
});

test('a token is deleted by its name, and two of one name ask for the id', async () => {
  const token = { createdAt: '', lastUsedAt: null };
  setting.api.answer('GET /api/tokens', [
    { ...token, id: 't1', name: 'ci' },
    { ...token, id: 't2', name: 'two' },
    { ...token, id: 't3', name: 'two' },
  ]);
  setting.api.answer('DELETE /api/tokens/t1', undefined, 204);
  expect((await setting.run(['token', 'delete', 'ci'])).code).toBe(0);
  expect(setting.api.requests('DELETE /api/tokens/t1')).toHaveLength(1);
  expect((await setting.run(['token', 'delete', 'two'])).code).toBe(2);
});
