// Backends against a real server: connections, host keys, feedback, cancel.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { canRunHosts, startTestHost, type TestHost } from '../../test/test-host.ts';
import type { Backend, Run, ServerConnection } from './backend.ts';
import { createBackends, createSshMasters, type SshMasters } from './index.ts';
import { fingerprintOf } from './ssh-host-keys.ts';
import { countProcesses, type Folder, makeFolder, makeRun, makeServer, python, recordReport } from './test-run.ts';

const reason = canRunHosts();
// The first host of a machine takes minutes: its root is made then.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 600_000 });

let host: TestHost;
let base: string;
let masters: SshMasters;
let backend: Backend;
const folders: Folder[] = [];
const never = new AbortController().signal;

beforeAll(async () => {
  if (reason) return;
  base = await mkdtemp(join(tmpdir(), 'aegir-t-'));
  host = await startTestHost('back');
  const dependencies = { python, runFolder: base };
  masters = createSshMasters(dependencies);
  backend = createBackends({ ...dependencies, masters }).ansible;
});

afterEach(() => Promise.all(folders.splice(0).map(folder => folder.remove())));

afterAll(async () => {
  await masters?.closeAll();
  await host?.stop();
  if (base) await rm(base, { recursive: true, force: true });
});

function server(values: Partial<ServerConnection> = {}): ServerConnection {
  return makeServer({ address: host.address, sshKey: host.privateKey, hostKey: host.hostKey, ...values });
}

async function runOf(tasks: string, values: Partial<Run> = {}): Promise<Run> {
  const folder = await makeFolder({ 'tasks/main.yml': tasks });
  folders.push(folder);
  return makeRun({ folder: folder.path, target: 'server', server: server(), ...values });
}

const succeed = '- ansible.builtin.command: {argv: ["true"]}';

test.skipIf(reason)(
  'a run on a server streams its lines in order, and the next one takes the same connection',
  async () => {
    const tasks = `
- name: Say
  aegir_stream: {argv: [sh, -c, "hostname; echo error >&2; echo end"]}
`;
    const report = recordReport();
    expect((await backend.run(await runOf(tasks), report, never)).status).toBe('succeeded');
    const at = report.lines.indexOf(host.name);
    expect(report.lines.slice(at, at + 3)).toEqual([host.name, 'error', 'end']);
    expect(report.lines.findIndex(line => line.startsWith('TASK [try_something : Say]'))).toBe(at - 1);
    expect(report.hostKeys).toEqual([]);
    await backend.run(await runOf(tasks), recordReport(), never);
    expect(await countProcesses(`-- ${host.address}`)).toBe(1);
  },
);

test.skipIf(reason)('the private key is on no disk and in no process once the connection is up', async () => {
  const lease = await masters.acquire(server(), recordReport());
  const { stdout } = await execa('grep', ['-rl', 'PRIVATE KEY', base], { reject: false });
  lease.release();
  expect(stdout).toBe('');
});

test.skipIf(reason)('the first contact is told, recorded and pinned, once for runs that start together', async () => {
  const unknown = server({ id: 'new', hostKey: '' });
  const reports = [recordReport(), recordReport()];
  const runs = await Promise.all(
    reports.map(async report => backend.run(await runOf(succeed, { server: unknown }), report, never)),
  );
  expect(runs.map(run => run.status)).toEqual(['succeeded', 'succeeded']);
  const fingerprint = fingerprintOf(host.hostKey);
  expect(reports.flatMap(report => report.hostKeys)).toEqual([{ key: host.hostKey, fingerprint }]);
  expect(reports.flatMap(report => report.lines).join('\n')).toContain(`its host key is ${fingerprint}`);
});

test.skipIf(reason)('a changed host key fails with both fingerprints and what to do', async () => {
  const other = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGt+8pfwF+MGOog0DsOv5ZKwNOR9aAV2l6C2qQnykYfg';
  const result = await backend.run(await runOf(succeed, { server: server({ hostKey: other }) }), recordReport(), never);
  expect(result.status).toBe('failed');
  expect(result.message).toContain(`pinned is ${fingerprintOf(other)}, found was ${fingerprintOf(host.hostKey)}`);
  expect(result.message).toContain('empty the field "Pinned host key"');
});

test.skipIf(reason)('a key that the server refuses fails with the public key to put there', async () => {
  const folder = await makeFolder({});
  folders.push(folder);
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder.path, 'k')]);
  const { stdout: sshKey } = await execa('cat', [join(folder.path, 'k')]);
  const { stdout: publicKey } = await execa('ssh-keygen', ['-y', '-f', join(folder.path, 'k')]);
  const result = await backend.run(await runOf(succeed, { server: server({ sshKey }) }), recordReport(), never);
  expect(result.status).toBe('failed');
  expect(result.message).toContain(publicKey.trim());
  expect(result.message).toContain(fingerprintOf(publicKey));
  const wrong = await backend.run(
    await runOf(succeed, { server: server({ sshKey: 'nonsense' }) }),
    recordReport(),
    never,
  );
  expect(wrong).toMatchObject({ status: 'failed' });
  expect(wrong.message).toContain('OpenSSH or PEM');
});

test.skipIf(reason)(
  'nobody listening, a name that is not known and a silent host are unreachable, in words',
  async () => {
    const port = await new Promise<number>(resolve => {
      const listener = createServer().listen(0, () => {
        const { port } = listener.address() as AddressInfo;
        listener.close(() => resolve(port));
      });
    });
    const refused = await backend.run(await runOf(succeed, { server: server({ port }) }), recordReport(), never);
    expect(refused).toMatchObject({ status: 'unreachable', exitCode: null });
    expect(refused.message).toContain('refuses the connection');
    const unknown = await backend.run(
      await runOf(succeed, { server: server({ address: 'no-such-host.invalid' }) }),
      recordReport(),
      never,
    );
    expect(unknown.status).toBe('unreachable');
    expect(unknown.message).toContain('cannot be resolved');
    const first = await backend.run(
      await runOf(succeed, { server: server({ port, hostKey: '' }) }),
      recordReport(),
      never,
    );
    expect(first.status).toBe('unreachable');
  },
);

test.skipIf(reason)(
  'feedback from the target reaches the API through the connection, and ends with the run',
  async () => {
    const seen: string[] = [];
    const api = createHttpServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      response.end('{}');
    });
    await new Promise<void>(resolve => api.listen(0, '127.0.0.1', resolve));
    const { port } = api.address() as AddressInfo;
    const run = await runOf(
      `
- ansible.builtin.uri:
    url: "{{ aegir.feedback_url }}/fields"
    method: POST
    headers: {Authorization: "Bearer {{ aegir.feedback_token }}"}
    body_format: json
    body: {kind: environment, id: e1, fields: {visits: 3}}
- ansible.builtin.copy: {dest: /root/feedback_url, mode: "0600", content: "{{ aegir.feedback_url }}"}
`,
      { feedback: { url: `http://127.0.0.1:${port}/api/feedback/T9`, token: 'tok' } },
    );
    const result = await backend.run(run, recordReport(), never);
    expect(result.message).toBe('');
    expect(seen).toEqual(['POST /api/feedback/T9/fields Bearer tok']);
    await new Promise(resolve => api.close(resolve));
    const after = await host.exec(
      `python3 -c "import urllib.request as u; u.urlopen('$(cat /root/feedback_url)')" 2>&1 | tail -1`,
    );
    expect(after.stdout).toContain('Connection refused');
  },
);

test.skipIf(reason)('cancel ends what the run started on the target, also behind sudo, and nothing else', async () => {
  const abort = new AbortController();
  const report = recordReport();
  void report.until('up').then(() => abort.abort());
  await host.exec('setsid sleep 91000 >/dev/null 2>&1 </dev/null & exit 0');
  const run = await runOf(`
- aegir_stream:
    argv: [bash, -c, "trap '' TERM; setsid sleep 91001 & sudo sleep 91002 & echo up; sleep 91003"]
`);
  const result = await backend.run(run, report, abort.signal);
  expect(result).toMatchObject({ status: 'cancelled', message: 'Cancelled.' });
  const left = await host.exec('pgrep -af "sleep 91" | grep -v pgrep; pgrep -f aegir_stream');
  expect(left.stdout.split('\n').map(line => line.replace(/^\d+ /, ''))).toEqual(['sleep 91000']);
  expect((await execa('find', [base, '-name', 'playbook.yml'])).stdout).toBe('');
});

test.skipIf(reason)('an earlier attempt whose worker is dead is ended on the target', async () => {
  const run = await runOf(succeed, { attempt: 2 });
  await host.exec(`AEGIR_RUN=${run.taskId}.1 setsid sleep 92001 >/dev/null 2>&1 </dev/null & exit 0`);
  await host.exec(`AEGIR_RUN=${run.taskId}.10 setsid sleep 92010 >/dev/null 2>&1 </dev/null & exit 0`);
  await backend.end(run, 1);
  const left = await host.exec('pgrep -a sleep');
  expect(left.stdout).not.toContain('92001');
  expect(left.stdout).toContain('92010');
});

test.skipIf(reason)('a user with sudo becomes root, and its long commands stream, too', async () => {
  await host.exec(
    'useradd -m -s /bin/sh deploy; install -d -m 700 -o deploy /home/deploy/.ssh;' +
      'install -m 600 -o deploy /root/.ssh/authorized_keys /home/deploy/.ssh/; echo "deploy ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/deploy',
  );
  const report = recordReport();
  const run = await runOf('- aegir_stream: {argv: [sh, -c, "id -un; sleep 0.1; echo $AEGIR_RUN"]}', {
    server: server({ user: 'deploy', become: true }),
  });
  const result = await backend.run(run, report, never);
  expect(result.message).toBe('');
  expect(report.lines).toContain('root');
  expect(report.lines).toContain(`${run.taskId}.1`);
});

test.skipIf(reason)(
  'a connection that dies in the middle makes the run one to try again, and the next run connects anew',
  async () => {
    const report = recordReport();
    const run = await runOf(`
- name: Begin
  ansible.builtin.command: {argv: ["true"]}
- name: Wait
  aegir_stream: {argv: [sh, -c, "echo up; sleep 93001"]}
`);
    void report.until('up').then(() => host.exec("pkill -9 -f '^sshd: root@notty' || pkill -9 -f 'sshd: root'"));
    const result = await backend.run(run, report, never);
    expect(result.status).toBe('unreachable');
    expect(result.message).toContain('was lost at task “Wait”');
    expect((await backend.run(await runOf(succeed), recordReport(), never)).status).toBe('succeeded');
    await backend.end({ ...run, attempt: 2 }, 1);
    expect((await host.exec('pgrep -f "sleep 93001"')).stdout).toBe('');
  },
);

test.skipIf(reason)('twelve runs at once on one server all succeed', async () => {
  const runs = await Promise.all(
    Array.from({ length: 12 }, async () => backend.run(await runOf(succeed), recordReport(), never)),
  );
  expect(runs.map(run => run.message).join('')).toBe('');
});

test.skipIf(reason)('a host that is cut off ends the run within half a minute', async () => {
  const report = recordReport();
  const begun = Date.now();
  void report.until('up').then(() => host.cutNetwork());
  try {
    const result = await backend.run(
      await runOf('- aegir_stream: {argv: [sh, -c, "echo up; sleep 94001"]}'),
      report,
      never,
    );
    expect(result.status).toBe('unreachable');
    expect(Date.now() - begun).toBeLessThan(40_000);
  } finally {
    await host.healNetwork();
  }
});

test.skipIf(reason)('closing leaves no connection and no folder', async () => {
  await masters.closeAll();
  expect(await countProcesses(`-- ${host.address}`)).toBe(0);
  expect(await readdir(base)).toEqual([]);
});
