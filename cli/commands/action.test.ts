import { expect, test } from 'vitest';
import type { ActionView } from '../../api/contract.ts';
import type { FieldSpec } from '../../model/fields.ts';
import { catalogueView, entityView, formView, operationType } from '../testing/fixtures.ts';
import { useFakeApi } from '../testing/setup.ts';

const setting = useFakeApi();
const run = 'POST /api/environments/e1/actions';

function offer(answer: Partial<ActionView>, opens?: string, fields: FieldSpec[] = []): void {
  const { api } = setting;
  const type = { ...operationType('log_in'), title: 'Log in', action: true, ...(opens ? { opens } : {}) };
  api.answer('GET /api/catalogue', catalogueView(type));
  api.answer('GET /api/environments/blog', entityView('environment', 'e1', { name: 'blog' }));
  api.answer('GET /api/environments/e1/operation-types/log_in/form', formView(fields));
  api.answer<ActionView>(run, { state: 'succeeded', outputs: {}, message: '', lines: [], ...answer });
}

test('an Action that opens a link prints it alone', async () => {
  offer({ outputs: { url: 'https://blog.example/once/k', expires: 'soon' } }, 'url', [
    { name: 'account', type: 'str' },
  ]);
  const result = await setting.run(['run', 'log_in', 'blog', '--account', 'ada']);
  expect(result).toEqual({ code: 0, stdout: 'https://blog.example/once/k\n', stderr: '' });
  expect(setting.api.requests(run)[0]?.body).toEqual({ type: 'log_in', input: { account: 'ada' } });
});

test('what another one found out is a list of names and values, or one JSON document', async () => {
  offer({ outputs: { status: { version: '6.8', php_version: '8.2', problems: ['no cron', 'no mail'], up: true } } });
  const result = await setting.run(['run', 'log_in', 'blog']);
  expect(result.stdout).toBe(
    'version      6.8\nphp version  8.2\nproblems     no cron\n             no mail\nup           yes\n',
  );
  const json = await setting.run(['run', 'log_in', 'blog', '--json']);
  expect(JSON.parse(json.stdout)).toMatchObject({ state: 'succeeded', outputs: { status: { up: true } } });
});

test('one that failed ends with code 1 and says why, after its last lines', async () => {
  offer({ state: 'failed', message: 'No such account.', lines: ['looking \u001b[2Jfor ada'] }, 'url');
  const result = await setting.run(['run', 'log_in', 'blog']);
  expect(result).toEqual({ code: 1, stdout: '', stderr: 'looking for ada\nLog in: failed\nNo such account.\n' });
});
