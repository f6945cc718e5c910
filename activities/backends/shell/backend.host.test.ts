// Programs on a real Server: over the live connection, with nothing left there whatever ends them.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { canRunHosts, startTestHost, type TestHost } from '../../../test/test-host.ts';
import type { Backend, Run } from '../backend.ts';
import { createSshMasters, type SshMasters } from '../ssh-masters.ts';
import { type Folder, makeFolder, makeRun, makeServer, python, recordReport } from '../test-run.ts';
import { createShellBackend } from './backend.ts';

const reason = canRunHosts();
vi.setConfig({ testTimeout: 60_000, hookTimeout: 600_000 });

let host: TestHost;
let base: string;
let masters: SshMasters;
let backend: Backend;
const folders: Folder[] = [];
const never = new AbortController().signal;

beforeAll(async () => {
  if (reason) return;
  base = await mkdtemp(join(tmpdir(), 'aegir-t-'));
  host = await startTestHost('shell');
  masters = createSshMasters({ runFolder: base });
  backend = createShellBackend({ python, runFolder: base, masters });
  await host.exec(
    'useradd -m -s /bin/sh deploy; install -d -m 700 -o deploy /home/deploy/.ssh;' +
      'install -m 600 -o deploy /root/.ssh/authorized_keys /home/deploy/.ssh/; echo "deploy ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/deploy',
  );
});

afterEach(async () => {
  for (const folder of folders.splice(0)) await folder.remove();
  if (reason) return;
  const left = await host.exec('find /run /dev/shm /tmp /var/tmp -maxdepth 1 -name "aegir-*"; pgrep -af run_program');
  expect(left.stdout).toBe('');
});

afterAll(async () => {
  await masters?.closeAll();
  await host?.stop();
  if (base) await rm(base, { recursive: true, force: true });
});

const server = (values = {}) =>
  makeServer({ address: host.address, sshKey: host.privateKey, hostKey: host.hostKey, ...values });

async function runOf(program: string, values: Partial<Run> = {}, files = {}): Promise<Run> {
  const folder = await makeFolder({ 'shell/run': program, ...files });
  folders.push(folder);
  return makeRun({ folder: folder.path, target: 'server', server: server(), ...values });
}

test.skipIf(reason)('a program gets its values, and its lines, exit code and outputs come back', async () => {
  const run = await runOf(
    `#!/usr/bin/env python3
import json, os, sys
given = json.load(sys.stdin)
print(os.uname().nodename, given['arguments']['title'], os.environ['AEGIR_RUN'])
print('caf\\u00e9', file=sys.stderr)
print(oct(os.stat('.').st_mode & 0o777), os.environ['HOME'] == os.getcwd(), os.path.exists('shell/more/text'))
json.dump({'path': '/srv', 'url': given['aegir']['feedback_url']}, open(os.environ['AEGIR_OUTPUTS'], 'w'))
`,
    { arguments: { title: '$(id) {{ 1 }}' } },
    { 'shell/more/text': 'beside it' },
  );
  const report = recordReport();
  expect(await backend.run(run, report, never)).toEqual({
    status: 'succeeded',
    exitCode: 0,
    changed: true,
    outputs: { path: '/srv', url: '' },
    message: '',
  });
  expect([...report.lines].sort()).toEqual(
    [`${host.name} $(id) {{ 1 }} ${run.taskId}.1`, '0o700 True True', 'café'].sort(),
  );
});

test.skipIf(reason)('a line is there when it is printed, and a program that reads nothing does not hang', async () => {
  const report = recordReport();
  const run = await runOf('#!/bin/sh\necho first; while [ ! -e /root/go ]; do sleep 0.05; done; echo last', {
    arguments: { large: 'x'.repeat(300_000) },
  });
  const running = backend.run(run, report, never);
  await report.until('first');
  expect(report.lines).toEqual(['first']);
  await host.exec('touch /root/go');
  expect((await running).status).toBe('succeeded');
  expect(report.lines).toEqual(['first', 'last']);
});

test.skipIf(reason)('a user with sudo becomes root, and secrets stand on no command line there', async () => {
  const report = recordReport();
  const run = await runOf('#!/bin/sh\nid -un; tr "\\0" " " </proc/[0-9]*/cmdline 2>/dev/null | grep -c hunter22', {
    server: server({ user: 'deploy', become: true }),
    arguments: { password: 'hunter22' },
    secretArguments: ['password'],
  });
  await backend.run(run, report, never);
  expect(report.lines.at(0)).toBe('root');
  expect(report.lines.at(-1)).toBe('0');
  await host.exec(
    'echo "deploy ALL=(ALL) ALL" >/etc/sudoers.d/deploy; passwd -d deploy; echo "deploy:x1Y2z3" | chpasswd',
  );
  expect(await backend.run(run, recordReport(), never)).toMatchObject({
    status: 'failed',
    message: expect.stringMatching(/by sudo .*password/),
  });
});

test.skipIf(reason)('its exit code, its last line, bad outputs and a missing interpreter are told', async () => {
  const outcome = async (program: string, values: Partial<Run> = {}) =>
    backend.run(await runOf(program, values), recordReport(), never);
  expect(await outcome('#!/bin/sh\necho no moon >&2; exit 3')).toMatchObject({
    status: 'failed',
    exitCode: 3,
    message: 'Try something ended with code 3: no moon',
  });
  expect(await outcome('#!/bin/sh\nkill -9 $$')).toMatchObject({ exitCode: null, status: 'failed' });
  expect((await outcome('#!/bin/sh\necho "[1]" >$AEGIR_OUTPUTS')).message).toContain('not a JSON object');
  const large = await outcome('#!/bin/sh\nhead -c 1100000 /dev/zero | tr "\\0" x >$AEGIR_OUTPUTS');
  expect(large.message).toContain('larger than 1 MiB');
  expect((await outcome('#!/usr/bin/none\n')).message).toContain('its interpreter is not there: #!/usr/bin/none');
  expect((await outcome('#!/bin/sh\n', { server: server({ python: '/opt/python' }) })).message).toMatch(
    /\/opt\/python could not be run on web1 \(code 127\): /,
  );
});

test.skipIf(reason)('what it leaves in the background ends with it, and holds nothing up', async () => {
  const result = await backend.run(await runOf('#!/bin/sh\nsleep 95001 & echo done'), recordReport(), never);
  expect(result.status).toBe('succeeded');
  expect((await host.exec('pgrep -fx "sleep 95001"')).stdout).toBe('');
});

test.skipIf(reason)('cancel ends everything of it, also what ignores signals or has left its session', async () => {
  const abort = new AbortController();
  const report = recordReport();
  void report.until('up').then(() => abort.abort());
  const run = await runOf('#!/bin/bash\ntrap "" TERM; setsid sleep 95002 & echo up; while :; do sleep 95003; done');
  expect(await backend.run(run, report, abort.signal)).toMatchObject({ status: 'cancelled', message: 'Cancelled.' });
  expect((await host.exec('pgrep -af "sleep 9500" | grep -v pgrep')).stdout).toBe('');
});

test.skipIf(reason)('it ends with its connection, and that is one to try again', async () => {
  const report = recordReport();
  const run = await runOf('#!/bin/sh\necho up; sleep 95004');
  void report.until('up').then(() => masters.closeAll());
  const result = await backend.run(run, report, never);
  expect(result).toMatchObject({ status: 'unreachable', exitCode: null });
  expect(result.message).toContain('was lost in the middle');
  await expect.poll(async () => (await host.exec('pgrep -fx "sleep 95004"')).stdout).toBe('');
  await backend.end({ ...run, attempt: 2 }, 1);
});

test.skipIf(reason)('an earlier attempt that was killed in the middle leaves neither process nor folder', async () => {
  const report = recordReport();
  const run = await runOf('#!/bin/sh\necho up; sleep 95005');
  const running = backend.run(run, report, never);
  await report.until('up');
  await host.exec("kill -9 $(pgrep -f 'sys.stdin.buffer.read')");
  expect((await running).status).toBe('unreachable');
  await backend.end({ ...run, attempt: 2 }, 1);
  expect((await host.exec('pgrep -fx "sleep 95005"')).stdout).toBe('');
});
