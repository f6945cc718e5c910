// Values that try to be options, commands, templates, paths or further lines, in every argument of the roles that put values
// into commands, paths and configuration. Whatever the catalogue's own check lets through, a role refuses by itself.

import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { playRole, words } from './play-role.ts';
import { canRunHosts, startTestHost, type TestHost } from './test-host.ts';

const mark = '/tmp/aegir-injected';
const attacks = [
  `--upload-pack=touch ${mark}`,
  `x$(touch ${mark}); touch ${mark}`,
  `/a/../../etc/{{ lookup('pipe', 'touch ${mark}') }}`,
  `x\n/etc/passwd; touch ${mark}`,
];

const oddName = 'A="\nB';
const hash = 'a'.repeat(40);
const path = '/var/lib/aegir/x';
const good: Record<string, Record<string, unknown>> = {
  deploy_release: {
    ...{ repository: 'https://git.example.org/site', hash, git_ref: 'main' },
    ...{ project_name: 'site', base_path: '/var/lib/aegir' },
  },
  verify_release: { project_name: 'site', hash, base_path: '/var/lib/aegir' },
  remove_release: { project_name: 'site', hash, base_path: '/var/lib/aegir' },
  prepare_environment: { environment_name: 'one', base_path: '/var/lib/aegir' },
  install_static: { environment_path: path, release_path: path, hash, docroot: '.' },
  install_generic: {
    ...{ environment_name: 'one', environment_path: path, release_path: path, hash, docroot: '.' },
    environment_user: 'aegir-one',
  },
  run_php: { environment_name: 'one', environment_path: path, environment_user: 'aegir-one', php_version: '8.2' },
  place_release: {
    ...{ environment_name: 'one', environment_path: path, environment_user: 'aegir-one', release_path: path, hash },
    ...{ docroot: 'web', files: 'uploads' },
  },
  switch_release: { environment_path: path, hash },
  run_command: { environment_path: path, chdir: 'web' },
  write_vhost: { environment_name: 'one', primary_name: 'one.test', environment_path: path, docroot: '.' },
  remove_vhost: { environment_name: 'one' },
  remove_environment: { environment_name: 'one', base_path: '/var/lib/aegir' },
};
/** What a role needs besides, and may be anything. */
const extra: Record<string, Record<string, unknown>> = { run_command: { command: ['id'] } };
const cases = Object.entries(good).flatMap(([role, values]) => Object.keys(values).map(name => ({ role, name })));

const reason = canRunHosts();

describe.skipIf(reason !== null)(`injections${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let host: TestHost;

  beforeAll(async () => {
    host = await startTestHost('inject');
  }, 240_000);

  afterAll(() => host?.stop());

  // One attack of each kind is spread over the arguments of a role, so that every argument meets two of them.
  test.each(cases)('$role refuses $name', async ({ role, name }) => {
    const position = cases.findIndex(entry => entry.role === role && entry.name === name);
    for (const offset of [0, 1]) {
      const attack = attacks[(position * 2 + offset) % attacks.length];
      const result = await playRole(role, { ...extra[role], ...good[role], [name]: attack }, { host });
      expect(result.code).not.toBe(0);
      expect(words(result)).toMatch(/not of the form that it must have|must be a folder inside of the repository/);
    }
    expect(existsSync(mark)).toBe(false);
    expect((await host.exec(`ls ${mark}`)).code).not.toBe(0);
  });

  test('an alias, a name of a variable and the program of a service are no way in', async () => {
    const alias = await playRole('write_vhost', { ...good.write_vhost, aliases: ['b.test; }'] }, { host });
    expect(words(alias)).toContain('not of the form that it must have');
    for (const values of [
      { service_command: ['+/usr/bin/touch', mark] },
      { service_command: ['sh', `x\nExecStartPre=+/usr/bin/touch ${mark}`] },
      { service_variables: { [oddName]: 'x' } },
    ]) {
      const result = await playRole('install_generic', { ...good.install_generic, ...values }, { host });
      expect(words(result)).toContain('The docroot must be a folder inside of the repository; the service');
    }
  });
});
