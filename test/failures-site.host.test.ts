import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ProblemJson } from '../api/contract.ts';
import type { CliResult } from './cli.ts';
import { commitFiles, type GitServer, startGitServer } from './git-server.ts';
import { type Aegir, startAegir } from './harness.ts';
import { type Operator, operatorOf } from './operator.ts';
import { canRunHosts, startTestHost, type TestHost } from './test-host.ts';

const reason = canRunHosts();
if (reason) console.warn(`Skipped: failures of repositories, names and builds. ${reason}`);

const noSuchCommit = '0123456789abcdef0123456789abcdef01234567';

describe.skipIf(reason !== null)('a repository, a name or a build that is wrong', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-failures-'));
  let host: TestHost;
  let git: GitServer;
  let silent: Server;
  let aegir: Aegir;
  let operator: Operator;
  /** A host that takes a call and says nothing is given up after a minute: meanwhile the other tests run. */
  let silentProject: Promise<CliResult>;
  let silentRelease: Promise<CliResult>;

  const build = (release: string) => operator.cli('run', 'build_release', release, '--server', 'web1', '--follow');
  const makeProject = (name: string, repository: string, application = 'static') =>
    operator.must('project', 'create', '--name', name, '--repository', repository, '--application', application);
  const makeRelease = (project: string, name: string, ref: string) =>
    operator.must('release', 'create', '--name', name, '--project', project, '--git-ref', ref);
  const makeEnvironment = (name: string, release: string, primary: string) => {
    const place = ['--web-server', 'web1', '--primary-name', primary];
    return operator.must('environment', 'create', '--name', name, '--release', release, ...place);
  };
  /** What lies on the host where Releases are kept, finished or not. */
  const releaseFolders = async () =>
    (await host.exec('ls -A /var/lib/aegir/releases')).stdout.split('\n').filter(Boolean);

  beforeAll(async () => {
    host = await startTestHost('wrong', 'web');
    git = await startGitServer(folder, host.gateway);
    silent = createServer(socket => socket.on('error', () => undefined));
    await new Promise<void>(resolve => silent.listen(0, host.gateway, resolve));
    await commitFiles(join(folder, 'pages'), { 'index.html': 'a page\n' });
    await commitFiles(join(folder, 'private/pages'), { 'index.html': 'not for everyone\n' });
    aegir = await startAegir();
    operator = operatorOf(aegir);
    await operator.must('cluster', 'create', '--name', 'farm', '--kind', 'servers');
    const server = ['--cluster', 'farm', '--address', host.address, '--ssh-key', `@${host.keyFile}`];
    await operator.must('server', 'create', '--name', 'web1', ...server);
    const silentUrl = `http://${host.gateway}:${(silent.address() as AddressInfo).port}/pages`;
    await makeProject('silent', silentUrl);
    await makeRelease('silent', 'v1', noSuchCommit);
    silentProject = operator.cli('run', 'verify_project', 'silent', '--follow');
    await operator.must('run', 'prepare_server', 'web1', '--follow');
    silentRelease = build('silent/v1');
    await makeProject('pages', `${git.url}/pages`);
  });

  afterAll(async () => {
    await aegir?.stop();
    await git?.stop();
    silent?.close();
    await host?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('an unknown branch fails with the names that there are, and nothing is put on the Server', async () => {
    await makeRelease('pages', 'v1', 'mian');
    const { operation } = await operator.failureOf('releases/pages/v1', build('pages/v1'));
    expect(operation.message).toContain('The repository has no branch or tag “mian”. There are: main.');
    expect((await operator.entity('releases/pages/v1')).state).toBe('failed');
    expect((await releaseFolders()).filter(name => name.includes('pages-'))).toEqual([]);
    await operator.must('release', 'edit', 'pages/v1', '--git-ref', 'main');
    await operator.must('run', 'build_release', 'pages/v1', '--server', 'web1', '--follow');
    expect((await operator.entity('releases/pages/v1')).state).toBe('verified');
  });

  test('a commit that the repository does not have fails on the Server, which keeps nothing of it', async () => {
    await makeRelease('pages', 'lost', noSuchCommit);
    const { operation } = await operator.failureOf('releases/pages/lost', build('pages/lost'));
    expect(operation.message).toContain(`The repository has no commit ${noSuchCommit}`);
    expect((await releaseFolders()).filter(name => name.includes(`pages-${noSuchCommit}`))).toEqual([]);
    const release = await operator.entity('releases/pages/lost');
    expect([release.state, release.presences]).toEqual(['failed', []]);
  });

  test('a repository that asks for a password is not waited for, on the worker and on the Server', async () => {
    await makeProject('secret', `${git.url}/private/pages`);
    const verify = operator.cli('run', 'verify_project', 'secret', '--follow');
    const onWorker = await operator.failureOf('projects/secret', verify);
    expect(onWorker.operation.message).toContain('asks for a password or key that it was not given');
    expect((await operator.entity('projects/secret')).state).toBe('failed');
    await makeRelease('secret', 'v1', noSuchCommit);
    const onServer = await operator.failureOf('releases/secret/v1', build('secret/v1'));
    expect(onServer.operation.message).toContain('Give the Project a deploy key');
    expect((await releaseFolders()).filter(name => name.includes('secret'))).toEqual([]);
    await operator.must('project', 'edit', 'secret', '--repository', `${git.url}/pages`);
    await operator.must('run', 'verify_project', 'secret', '--follow');
    expect((await operator.entity('projects/secret')).state).toBe('verified');
  });

  test('a name that is wrong or taken is refused with its field, and nothing is made', async () => {
    await makeEnvironment('first', 'pages/v1', 'first.example.org');
    const base = { release: 'pages/v1', web_server: 'web1', kind: 'staging' };
    const cases: [Record<string, unknown>, number, string][] = [
      [{ name: 'Not A Name', primary_name: 'x.example.org' }, 422, 'values.name'],
      [{ name: 'second', primary_name: 'two words.example.org' }, 422, 'values.primary_name'],
      [{ name: 'second', primary_name: 'x.example.org', aliases: ['-bad-.example.org'] }, 422, 'values.aliases.0'],
      [{ name: 'first', primary_name: 'x.example.org' }, 409, 'values.name'],
      [{ name: 'second', primary_name: 'first.example.org' }, 409, 'values.primary_name'],
      [{ name: 'second', primary_name: 'x.example.org', aliases: ['first.example.org'] }, 409, 'values.aliases'],
    ];
    for (const [values, status, path] of cases) {
      const answer = await aegir.call<ProblemJson>('POST', '/api/environments', { values: { ...base, ...values } });
      const paths = answer.body.problems?.map(problem => problem.path);
      expect([answer.status, paths], JSON.stringify(answer.body)).toEqual([status, [path]]);
      const flags = Object.entries({ ...base, ...values }).flatMap(([name, value]) => [
        `--${name.replaceAll('_', '-')}`,
        String(value),
      ]);
      const typed = await operator.cli('environment', 'create', ...flags);
      expect(typed.code, typed.stderr).toBe(2);
      expect(typed.stderr).toContain(answer.body.problems[0]?.message ?? 'no problem');
      expect(typed.stderr).toContain(`${path}: `);
    }
    const { body } = await aegir.call<{ items: unknown[] }>('GET', '/api/environments');
    expect(body.items).toHaveLength(1);
    await operator.must('run', 'install_environment', 'first', '--follow');
  });

  test('a build that fails half-way says how, shows nothing of it, and the next right one succeeds', async () => {
    await makeProject('shop', `${git.url}/pages`, 'generic');
    await makeRelease('shop', 'v1', 'main');
    await makeEnvironment('shop', 'shop/v1', 'shop.example.org');
    const install = ['run', 'install_environment', 'shop', '--follow', '--build', 'echo half > half-built'];
    const broken = operator.cli(...install, '--build', 'echo cannot find the moon; exit 7');
    const { operation } = await operator.failureOf('environments/shop', broken);
    expect(operation.message).toContain('ended with code 7: cannot find the moon. The half-built copy was removed');
    expect((await operator.entity('environments/shop')).state).toBe('broken');
    expect((await host.exec('find /var/lib/aegir/environments -name half-built')).stdout).toBe('');
    expect((await host.exec('ls /etc/nginx/sites-enabled /etc/nginx/conf.d; nginx -t')).stdout).not.toContain('shop');
    await operator.must(...install, '--build', 'echo built > built.html');
    expect((await operator.entity('environments/shop')).state).toBe('enabled');
    const ask = "u.Request('http://127.0.0.1/built.html', headers={'Host': 'shop.example.org'})";
    const page = await host.exec(`python3 -c "import urllib.request as u; print(u.urlopen(${ask}).read().decode())"`);
    expect(page.stdout.trim(), page.stderr).toBe('built');
  });

  test('a repository host that says nothing is given up with words, on the worker and on the Server', async () => {
    const onWorker = await operator.failureOf('projects/silent', silentProject);
    expect(onWorker.operation.message).toContain('cannot be reached from the worker');
    expect((await operator.entity('projects/silent')).state).toBe('failed');
    const onServer = await operator.failureOf('releases/silent/v1', silentRelease);
    expect(onServer.operation.message).toContain('cannot be reached from this Server');
    expect((await releaseFolders()).filter(name => name.includes('silent'))).toEqual([]);
    expect((await host.exec('pgrep -a git')).stdout).toBe('');
  });
});
