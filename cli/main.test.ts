import { expect, test } from 'vitest';
import { sessionView } from './testing/fixtures.ts';
import { useFakeApi } from './testing/setup.ts';

const setting = useFakeApi();

test('an unknown command gets a suggestion and is a usage error', async () => {
  const result = await setting.run(['enviroment', 'list']);
  expect(result).toMatchObject({ code: 2, stdout: '' });
  expect(result.stderr).toContain('Did you mean environment?');
});

test('an unknown flag gets a suggestion and sends nothing that changes', async () => {
  setting.api.answer('GET /api/session', sessionView());
  const result = await setting.run(['server', 'create', '--adress', 'x']);
  expect(result.code).toBe(2);
  expect(result.stderr).toContain('Did you mean --address?');
  expect(setting.api.requests('POST /api/servers')).toEqual([]);
});

test('help is there without a sign-in, with what is built in, and says what is missing', async () => {
  const result = await setting.run(['server', 'create', '--help'], { variables: { AEGIR_TOKEN: '' } });
  expect(result.code).toBe(0);
  expect(result.stdout).toContain('--ssh-key <@file|->');
  expect(result.stderr).toContain('Without custom fields');
});

test('an API that cannot be reached is one sentence and exit code 4', async () => {
  await setting.api.close();
  const result = await setting.run(['audit']);
  expect(result).toMatchObject({ code: 4, stdout: '' });
  expect(result.stderr).toBe(`error: Cannot reach Aegir at ${setting.api.url} (connection refused: is it running?).\n`);
});

test('a refused token is exit code 3 and says how to sign in', async () => {
  setting.api.refuse('GET /api/audit', { status: 401, title: 'Unauthorized', detail: 'Sign in.' });
  const result = await setting.run(['audit']);
  expect(result.code).toBe(3);
  expect(result.stderr).toContain('./aegir sign-in');
});

test('what a role may not do is exit code 3 with the reason', async () => {
  setting.api.refuse('GET /api/audit', { status: 403, title: 'Forbidden', detail: 'This needs the role engineer.' });
  expect(await setting.run(['audit'])).toEqual({
    code: 3,
    stdout: '',
    stderr: 'error: This needs the role engineer.\n',
  });
});

test('every mistake of a refused input is on a line of its own with its path', async () => {
  setting.api.answer('GET /api/session', sessionView());
  setting.api.refuse('POST /api/servers', {
    status: 422,
    title: 'The input has mistakes.',
    detail: 'The input has mistakes. values.name: It is required.',
    problems: [
      { path: 'values.name', message: 'It is required.' },
      { path: 'fields.rack', message: 'There is no such field.' },
    ],
  });
  expect(await setting.run(['server', 'create'])).toEqual({
    code: 2,
    stdout: '',
    stderr: 'error: The input has mistakes.\n  values.name: It is required.\n  fields.rack: There is no such field.\n',
  });
});

test('text of the API cannot steer the terminal', async () => {
  setting.api.refuse('GET /api/audit', {
    status: 404,
    title: '',
    detail: 'No \u001b]52;c;ZXZpbA==\u0007\u001b[2Jthing.',
  });
  expect((await setting.run(['audit'])).stderr).toBe('error: No thing.\n');
});

test('an address that is not Aegir is said to be so', async () => {
  setting.api.on('GET /api/audit', (_request, response) => response.end('<html>'));
  const result = await setting.run(['audit']);
  expect(result.code).toBe(4);
  expect(result.stderr).toContain('does not answer like Aegir');
});

test('a reader that goes away ends the program quietly', async () => {
  setting.api.answer('GET /api/session', sessionView());
  const items = Array.from({ length: 5000 }, (_, index) => ({ name: `token ${index}`, id: 'x'.repeat(100) }));
  setting.api.answer('GET /api/tokens', items);
  const child = setting.sandbox.start(['token', 'list']);
  const errors: string[] = [];
  child.stderr.on('data', data => errors.push(String(data)));
  child.stdout.once('data', () => child.stdout.destroy());
  const code = await new Promise(resolve => child.once('exit', resolve));
  expect({ code, errors }).toEqual({ code: 0, errors: [] });
});
