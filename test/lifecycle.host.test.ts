import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EntityView, OperationView, Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { aegirCommand, type CliResult } from './cli.ts';
import { commitFiles, type GitServer, startGitServer } from './git-server.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';
import { canRunHosts, startTestHost, type TestHost } from './test-host.ts';
import { createVisitor } from './visitor.ts';

const reason = canRunHosts();
if (reason) console.warn(`Skipped: the life of sites on a real SSH host. ${reason}`);

const service = `import http.server, os
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = ('service says ' + os.environ['GREETING']).encode()
        self.send_response(200); self.send_header('content-length', str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *rest): pass
http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), Page).serve_forever()
`;

/** Says over all ways of feedback what it can, and what it may not. */
const reporter = `- name: Print while it runs
  aegir_stream:
    argv: [sh, -c, 'for i in 1 2 3; do echo streamed line $i; done']
- name: Say how far it is
  ansible.builtin.uri:
    url: "{{ aegir.feedback_url }}/progress"
    method: POST
    headers: {Authorization: "Bearer {{ aegir.feedback_token }}"}
    body_format: json
    body: {percent: 40, label: counting}
    status_code: [204]
- name: Post a line
  ansible.builtin.uri:
    url: "{{ aegir.feedback_url }}/log"
    method: POST
    headers: {Authorization: "Bearer {{ aegir.feedback_token }}"}
    body_format: json
    body: {lines: [posted from the host]}
    status_code: [204]
- name: Set an own field
  ansible.builtin.uri:
    url: "{{ aegir.feedback_url }}/fields"
    method: POST
    headers: {Authorization: "Bearer {{ aegir.feedback_token }}"}
    body_format: json
    body: {kind: environment, id: "{{ aegir.subject.id }}", fields: {visits: 3}}
    status_code: [204]
- name: Try a field of another Environment
  ansible.builtin.uri:
    url: "{{ aegir.feedback_url }}/fields"
    method: POST
    headers: {Authorization: "Bearer {{ aegir.feedback_token }}"}
    body_format: json
    body: {kind: environment, id: "{{ other }}", fields: {visits: 4}}
    status_code: [403]
- name: Keep the token where the test finds it
  ansible.builtin.copy:
    content: "{{ aegir.feedback_token }}"
    dest: /root/feedback-token
    mode: '0600'
`;

describe.skipIf(reason !== null)('sites on a real SSH host', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-git-'));
  const types = makeTypeFolder();
  let host: TestHost;
  let git: GitServer;
  let aegir: Aegir;

  const cli = (...args: string[]): Promise<CliResult> => aegirCommand(aegir, ...args);
  const must = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await cli(...args);
    expect(code, `aegir ${args.join(' ')}\n${stdout}\n${stderr}`).toBe(0);
    return stdout;
  };
  const environment = async (name: string) => (await aegir.call<EntityView>('GET', `/api/environments/${name}`)).body;
  const lastOperation = async (name: string): Promise<OperationView> => {
    const { id } = await environment(name);
    const { body } = await aegir.call<Page<OperationView>>('GET', `/api/operations?subject=${id}&limit=1`);
    return (await aegir.call<OperationView>('GET', `/api/operations/${body.items[0]?.id}`)).body;
  };

  beforeAll(async () => {
    types.ansibleTask('report_visits', reporter, {
      options: 'other: {type: str, description: Another one, required: true}',
    });
    types.shellTask('fail_here', 'echo no; exit 1');
    const steps = '[{id: off, operation: disable_environment}, {id: fail, task: fail_here}]';
    types.operation('disable_in_vain', 'environment', steps, 'on_failure: {choose: undo}\n');
    types.operation('report', 'environment', '[{id: report, task: report_visits}]');
    host = await startTestHost('life');
    git = await startGitServer(folder, host.gateway);
    await commitFiles(join(folder, 'pages'), {
      'index.html': '<h1>static page one</h1>\n',
      'style.css': 'h1 { color: teal }\n',
    });
    await commitFiles(join(folder, 'service'), { 'serve.py': service });
    aegir = await startAegir({ types: types.path });
  });

  afterAll(async () => {
    await aegir?.stop();
    await git?.stop();
    await host?.stop();
    types.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test('a Server is prepared by an Operation: nginx is installed there and the first contact is recorded', async () => {
    await must('cluster', 'create', '--name', 'farm', '--kind', 'servers');
    const values = ['--cluster', 'farm', '--address', host.address, '--ssh-key', `@${host.keyFile}`];
    await must('server', 'create', '--name', 'web1', ...values);
    const output = await must('run', 'prepare_server', 'web1', '--follow');
    expect(output).toContain('SHA256:');
    expect((await host.exec('systemctl is-active nginx')).stdout).toBe('active');
    const { body } = await aegir.call<Entity>('GET', '/api/servers/web1');
    expect(body.state).toBe('verified');
    expect(body.values.host_key).toBe(host.hostKey);
    expect(JSON.stringify(body.values.facts)).toContain('nginx');
  });

  test('a static site from git is installed and answers under its name through nginx', async () => {
    await must('project', 'create', '--name', 'pages', '--repository', `${git.url}/pages`, '--application', 'static');
    await must('run', 'verify_project', 'pages', '--follow');
    await must('release', 'create', '--name', 'v1', '--project', 'pages', '--git-ref', 'main');
    await must('run', 'build_release', 'pages/v1', '--server', 'web1', '--follow');
    await must(
      'environment',
      'create',
      '--name',
      'pages',
      '--release',
      'pages/v1',
      '--web-server',
      'web1',
      '--primary-name',
      'pages.example.org',
      '--aliases',
      'www.pages.example.org',
    );
    await must('run', 'install_environment', 'pages', '--follow');
    expect(await page(host, 'pages.example.org')).toEqual({ status: 200, body: '<h1>static page one</h1>\n' });
    expect((await page(host, 'www.pages.example.org')).status).toBe(200);
    expect((await page(host, 'unknown.example.org')).body).not.toContain('static page');
    const view = await environment('pages');
    expect(view.state).toBe('enabled');
    expect(view.values.url).toBe('http://pages.example.org');
    const release = await aegir.call<EntityView>('GET', '/api/releases/pages%2Fv1');
    expect(release.body.presences.map(presence => presence.serverName)).toEqual(['web1']);
  });

  test('a small web service is installed with a unit of its own and answers beside it', async () => {
    await must(
      'project',
      'create',
      '--name',
      'service',
      '--repository',
      `${git.url}/service`,
      '--application',
      'generic',
    );
    await must('release', 'create', '--name', 'v1', '--project', 'service', '--git-ref', 'main');
    await must('run', 'build_release', 'service/v1', '--server', 'web1', '--follow');
    await must(
      'environment',
      'create',
      '--name',
      'service',
      '--release',
      'service/v1',
      '--web-server',
      'web1',
      '--primary-name',
      'service.example.org',
    );
    const variables = JSON.stringify({ GREETING: "{{ lookup('pipe','id') }} $(id)" });
    const fields = [
      '--service-command',
      '/usr/bin/python3',
      '--service-command',
      'serve.py',
      '--service-variables',
      variables,
    ];
    await must('run', 'install_environment', 'service', ...fields, '--follow');
    expect(await page(host, 'service.example.org')).toEqual({
      status: 200,
      body: "service says {{ lookup('pipe','id') }} $(id)",
    });
    expect((await page(host, 'pages.example.org')).status).toBe(200);
  });

  test('the second run of an install changes nothing, and remembers what was answered', async () => {
    for (const name of ['pages', 'service']) {
      await must('run', 'install_environment', name, '--follow');
      const operation = await lastOperation(name);
      expect(
        operation.tasks.filter(task => task.changed).map(task => task.title),
        name,
      ).toEqual([]);
    }
  });

  test('a role posts lines, progress and a field of its Environment, but none of another one, and not after its end', async () => {
    await must('field', 'add', 'environment', 'visits', '--type', 'int', '--label', 'Visits');
    const other = await environment('service');
    const output = await must('run', 'report', 'pages', '--other', other.id, '--follow');
    for (const line of ['streamed line 1', 'streamed line 3', 'posted from the host']) expect(output).toContain(line);
    expect((await environment('pages')).fields).toEqual({ visits: 3 });
    expect((await environment('service')).fields).toEqual({});
    const operation = await lastOperation('pages');
    expect(operation.tasks[1]?.progress).toEqual({ percent: 40, label: 'counting' });
    const token = (await host.exec('cat /root/feedback-token')).stdout;
    const log = await aegir.log(operation.id);
    expect(log).not.toContain(token);
    const path = `/api/feedback/${operation.tasks[1]?.id}/log`;
    expect((await aegir.call('POST', path, { lines: ['too late'] }, { token })).status).toBe(401);
  });

  test('an override that is not valid nginx is taken back: the message quotes nginx and the sites go on answering', async () => {
    const text = 'server { listen 80; server_name pages.example.org; no_such_directive on; }\n';
    const path = '/api/environments/pages/overrides/write_vhost/vhost.conf.j2';
    expect((await aegir.call('PUT', path, { text })).status).toBe(204);
    const broken = await cli('run', 'install_environment', 'pages', '--follow');
    expect(broken.code).toBe(1);
    expect((await aegir.waitFor((await lastOperation('pages')).id)).message).toContain('no_such_directive');
    expect((await page(host, 'service.example.org')).status).toBe(200);
    expect((await page(host, 'pages.example.org')).body).toContain('static page one');
    expect((await host.exec('nginx -t')).code).toBe(0);
    expect((await aegir.call('PUT', path, { text: null })).status).toBe(204);
    await must('run', 'install_environment', 'pages', '--follow');
  });

  test('what an engineer gets to run a Task by hand holds no secret and is complete', async () => {
    const operation = await lastOperation('pages');
    const task = operation.tasks.find(entry => entry.type === 'write_vhost');
    const target = join(folder, 'by-hand');
    await must('task', 'reproduce', task?.id ?? '', '--into', target);
    const { body } = await aegir.call<{ files: Record<string, string> }>('GET', `/api/tasks/${task?.id}/reproduce`);
    const all = JSON.stringify(body.files);
    expect(all).toContain('pages.example.org');
    expect(Object.keys(body.files)).toContain('roles/write_vhost/tasks/main.yml');
    expect(all).not.toMatch(/PRIVATE KEY-----\\n/);
  });

  test('a disabled site says why, is off, and nothing that needs it is offered; enabled again it answers as before', async () => {
    const before = await page(host, 'service.example.org');
    const unit = 'systemctl is-active aegir-service; systemctl is-enabled aegir-service; true';
    await must('run', 'disable_environment', 'service', '--notice', 'Out of <season>', '--follow');
    const closed = await page(host, 'service.example.org');
    expect([closed.status, closed.body]).toEqual([503, expect.stringContaining('<p>Out of &lt;season&gt;</p>')]);
    expect((await host.exec(unit)).stdout).toBe('inactive\ndisabled');
    const view = await environment('service');
    expect([view.state, view.values.disabled_notice]).toEqual(['disabled', 'Out of <season>']);
    for (const type of ['install_environment', 'verify_environment']) {
      expect((await cli('run', type, 'service')).stderr).toContain('it is disabled');
    }
    await must('run', 'disable_environment', 'service', '--notice', 'Out of <season>', '--follow');
    expect((await lastOperation('service')).tasks.filter(task => task.changed)).toEqual([]);

    await must('run', 'enable_environment', 'service', '--follow');
    expect(await page(host, 'service.example.org')).toEqual(before);
    expect((await host.exec(unit)).stdout).toBe('active\nenabled');
    expect((await environment('service')).values.disabled_notice).toBe(null);
    expect((await cli('run', 'enable_environment', 'service')).stderr).toContain('it is enabled');

    const undone = await cli('run', 'disable_in_vain', 'service', '--notice', 'Never', '--follow');
    expect(undone.code).toBe(1);
    expect(await page(host, 'service.example.org')).toEqual(before);
    const after = await environment('service');
    expect([after.state, after.values.disabled_notice]).toEqual(['enabled', null]);
  }, 240_000);

  test('what belongs to nothing here is found on a Server and removed by choice; what has a row is refused', async () => {
    const tree = `gone-${'0a'.repeat(20)}`;
    await host.exec(`cd /var/lib/aegir && useradd --system --home-dir $PWD/environments/lost/home aegir-lost &&
      mkdir -p environments/lost/files releases/${tree} && touch releases/${tree}.manifest &&
      cp /etc/nginx/aegir.d/pages.conf /etc/nginx/aegir.d/lost.conf &&
      sed -i 's/pages/lost/g' /etc/nginx/aegir.d/lost.conf &&
      printf '[Unit]\\nDescription=Aegir environment lost\\n[Service]\\nExecStart=/var/lib/aegir/environments/lost/serve\\n' >/etc/systemd/system/aegir-lost.service`);
    await must('run', 'find_orphans', 'web1', '--follow');
    const orphans = async () => (await aegir.call<Entity>('GET', '/api/servers/web1')).body.values.orphans;
    expect(await orphans()).toEqual([
      { kind: 'environment', name: 'lost', parts: ['folder', 'unix user', 'service', 'web server configuration'] },
      { kind: 'release', name: tree, parts: ['code', 'list of its files'] },
    ]);
    const kept = await cli('run', 'remove_orphaned_environment', 'web1', '--orphan', 'pages', '--yes', '--follow');
    expect([kept.code, kept.stdout]).toEqual([1, expect.stringContaining('no orphaned environment “pages”')]);
    await must('run', 'remove_orphaned_environment', 'web1', '--orphan', 'lost', '--yes', '--follow');
    await must('run', 'remove_orphan', 'web1', '--kind', 'release', '--orphan', tree, '--yes', '--follow');
    expect(await orphans()).toEqual([]);
    const left =
      'ls -d /var/lib/aegir/*/lost /etc/nginx/aegir.d/lost* /etc/systemd/system/*lost*; getent passwd aegir-lost';
    expect((await host.exec(left)).stdout).toBe('');
    expect((await page(host, 'pages.example.org')).body).toContain('static page one');
  }, 240_000);

  test('deleting makes a last backup, which comes into another Environment, and leaves nothing behind; what cannot be backed up is asked about', async () => {
    const early = await cli('run', 'delete_environment', 'pages');
    expect(early.code).not.toBe(0);
    expect(early.stderr).toContain('Run “Disable” first');
    await host.exec('echo kept >/var/lib/aegir/environments/pages/files/kept.txt');
    await must('run', 'disable_environment', 'pages', '--follow');
    expect((await page(host, 'pages.example.org')).body).toContain('closed at present');
    const { id } = await environment('pages');
    expect((await cli('run', 'delete_environment', 'pages')).stderr).toContain('The Environment has no Backup store');
    await must('backup_store', 'create', '--name', 'here', '--type', 'directory', '--folder', join(folder, 'store'));
    await must('cluster', 'edit', 'farm', '--backup-store', 'here');
    await must('run', 'delete_environment', 'pages', '--follow');
    const { body: backups } = await aegir.call<Page<Entity>>('GET', '/api/backups');
    expect(backups.items.map(({ values }) => [values.environment, values.note])).toEqual([
      [id, 'before it was deleted'],
    ]);

    const again = ['--release', 'pages/v1', '--web-server', 'web1', '--primary-name', 'again.example.org'];
    await must('environment', 'create', '--name', 'again', ...again);
    await must('run', 'install_environment', 'again', '--follow');
    await must(
      'run',
      'restore_environment',
      'again',
      '--backup',
      backups.items[0]?.id ?? '',
      '--from-another',
      '--follow',
    );
    expect((await host.exec('cat /var/lib/aegir/environments/again/files/kept.txt')).stdout).toBe('kept');
    await must('run', 'delete_environment', 'again', '--although-enabled', '--without-backup', '--follow');

    // As a delete leaves it that was stopped half-way, or a hand that was too quick.
    await host.exec('cd /var/lib/aegir/environments && rm -rf service /etc/nginx/aegir.d/service*');
    const asking = await cli('run', 'delete_environment', 'service', '--although-enabled', '--follow');
    expect([asking.code, asking.stdout]).toEqual([1, expect.stringContaining('environments/service, is gone')]);
    const { id: last } = await lastOperation('service');
    // Its dump, and what would be kept of it.
    expect((await cli('decide', last, 'skip', '--follow')).code).toBe(1);
    await must('decide', last, 'skip', '--follow');
    expect((await cli('run', 'delete_environment', 'pages')).stderr).toContain('There is no Environment "pages"');
    expect((await cli('run', 'delete_environment', id)).stderr).toContain('This Environment is deleted.');
    for (const release of ['pages/v1', 'service/v1'])
      await must('run', 'delete_release', release, '--server', 'web1', '--follow');
    const left = await host.exec(
      "ls -A /var/lib/aegir/environments /var/lib/aegir/releases; ls /etc/systemd/system | grep -i aegir; getent passwd | grep -i aegir; grep -rl 'example.org' /etc/nginx",
    );
    expect(left.stdout.replace(/^\/var\/lib.*:$|^\s*$/gm, '').trim()).toBe('');
    expect((await page(host, 'pages.example.org')).body).not.toContain('static page');
    const view = await aegir.call<Page<Entity>>('GET', '/api/environments');
    expect(view.body.items).toEqual([]);
  });
});

async function page(host: TestHost, name: string): Promise<{ status: number; body: string }> {
  const { status, body } = await createVisitor(host.address).get(`http://${name}/`);
  return { status, body };
}
