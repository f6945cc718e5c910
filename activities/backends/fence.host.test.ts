// One attempt at a time on a real Server: workers that are stopped, killed and cut off, holders of older tokens, and runs
// that must not disturb each other. A worker that comes back to life is a process of its own (test-worker.ts).

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { BackendName } from '../../model/task-type.ts';
import { canRunHosts, startTestHost, type TestHost } from '../../test/test-host.ts';
import type { Backend, Run, ServerConnection } from './backend.ts';
import { endOn, supersededMessage } from './fence.ts';
import { createBackends, createSshMasters, type SshMasters } from './index.ts';
import { connectionMachine } from './machine.ts';
import { marked, runMarker } from './process-tree.ts';
import { type Folder, makeFolder, makeRun, makeServer, python, recordReport } from './test-run.ts';
import { startWorker, type TestWorker } from './test-worker.ts';

const reason = canRunHosts();
vi.setConfig({ testTimeout: 120_000, hookTimeout: 600_000 });

let host: TestHost;
let base: string;
let masters: SshMasters;
let backends: Record<BackendName, Backend>;
const folders: Folder[] = [];
const workers: TestWorker[] = [];
/** A machine that is busy takes ten times as long as one that is not. */
const patient = { timeout: 60_000 };
const never = new AbortController().signal;

beforeAll(async () => {
  if (reason) return;
  base = await mkdtemp(join(tmpdir(), 'aegir-t-'));
  host = await startTestHost('fence');
  masters = createSshMasters({ runFolder: base });
  backends = createBackends({ python, runFolder: base, masters });
  await host.exec(
    'useradd -m -s /bin/sh deploy; install -d -m 700 -o deploy /home/deploy/.ssh;' +
      'install -m 600 -o deploy /root/.ssh/authorized_keys /home/deploy/.ssh/; echo "deploy ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/deploy',
  );
});

beforeEach(async () => {
  if (!reason) await host.exec('rm -f /srv/go /srv/journal; install -m 666 /dev/null /srv/journal');
});

afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.kill();
  for (const folder of folders.splice(0)) await folder.remove();
  if (reason) return;
  const places = '/run/aegir/permits /run/aegir/ending /home/deploy/.local/state/aegir/permits';
  const left = await host.exec(`find ${places} -type f 2>/dev/null; pgrep -af "srv/go" | grep -v pgrep`);
  // One that has failed must not fail the next ones.
  await host.exec(`find ${places} -type f -delete 2>/dev/null; pkill -9 -f "srv/[g]o"`);
  expect(left.stdout.trim()).toBe('');
});

afterAll(async () => {
  await masters?.closeAll();
  await host?.stop();
  if (base) await rm(base, { recursive: true, force: true });
});

const say = (text: string) => `sh -c "echo ${text} {{ aegir.attempt }} >>/srv/journal"`;
const wait =
  'echo begin $0 >>/srv/journal; echo up; while [ ! -e /srv/go ]; do sleep 0.05; done; echo end $0 >>/srv/journal';

/** Begins, waits for /srv/go, and goes on whatever became of it. */
const tasks = `
- name: First
  aegir_stream: {argv: [sh, -c, "${wait}", "{{ aegir.attempt }}"]}
  ignore_errors: true
- name: Second
  ansible.builtin.command: ${say('second')}
`;

const program = `#!/bin/sh
attempt=\${AEGIR_RUN##*.}
echo begin $attempt >>/srv/journal; echo up
while [ ! -e /srv/go ]; do sleep 0.05; done
echo end $attempt >>/srv/journal
echo second $attempt >>/srv/journal
`;

const nextProgram = '#!/bin/sh\necho next 1 >>/srv/journal\n';

function server(values: Partial<ServerConnection> = {}): ServerConnection {
  return makeServer({ address: host.address, sshKey: host.privateKey, hostKey: host.hostKey, ...values });
}

async function runOf(
  values: Partial<Run> = {},
  files: Record<string, string> = { 'tasks/main.yml': tasks, 'shell/run': program },
) {
  const folder = await makeFolder(files);
  folders.push(folder);
  return attemptOf(makeRun({ folder: folder.path, target: 'server', server: server(), ...values }), 1);
}

function attemptOf(run: Run, attempt: number): Run {
  return { ...run, attempt, context: { ...run.context, attempt } };
}

function zombie(run: Run, backend: BackendName = 'ansible'): TestWorker {
  const worker = startWorker({ backend, run, runFolder: base });
  workers.push(worker);
  return worker;
}

/** As a worker on another machine: it reaches the Server only, not the processes of the first one. */
async function endThere(run: Run, attempt: number): Promise<string> {
  const lease = await masters.acquire(run.server ?? server(), recordReport());
  try {
    return await endOn(connectionMachine(lease, run.server ?? server()), runMarker(run.taskId, attempt));
  } finally {
    lease.release();
  }
}

const go = () => host.exec('touch /srv/go');
const journal = async () => (await host.exec('cat /srv/journal')).stdout.split('\n').filter(Boolean);

const ways: { name: string; backend: BackendName; user: Partial<ServerConnection> }[] = [
  { name: 'a role', backend: 'ansible', user: {} },
  { name: 'a role behind sudo', backend: 'ansible', user: { user: 'deploy', become: true } },
  { name: 'a role without root', backend: 'ansible', user: { user: 'deploy' } },
  { name: 'a program', backend: 'shell', user: {} },
  { name: 'a program behind sudo', backend: 'shell', user: { user: 'deploy', become: true } },
  { name: 'a program without root', backend: 'shell', user: { user: 'deploy' } },
];

for (const { name, backend, user } of ways) {
  test.skipIf(reason)(
    `${name}: a stopped worker that wakes up after the next attempt has begun does nothing more`,
    async () => {
      const run = await runOf({ server: server(user) });
      const first = zombie(run, backend);
      await first.until('up');
      await first.signal('SIGSTOP');
      expect(await endThere(run, 1)).toBe('');
      expect((await host.exec('pgrep -af srv/go | grep -v pgrep')).stdout).toBe('');
      const report = recordReport();
      const second = backends[backend].run(attemptOf(run, 2), report, never);
      await report.until('up');
      await first.signal('SIGCONT');
      expect(await first.result).toMatchObject({ status: 'superseded', outputs: {}, message: supersededMessage });
      expect(await journal()).toEqual(['begin 1', 'begin 2']);
      await go();
      expect((await second).message).toBe('');
      expect(await journal()).toEqual(['begin 1', 'begin 2', 'end 2', 'second 2']);
    },
  );
}

test.skipIf(reason)(
  'a worker that is killed with everything of it leaves a command, which is over before the next attempt',
  async () => {
    for (const backend of ['ansible', 'shell'] as const) {
      await host.exec('rm -f /srv/go; : >/srv/journal');
      const run = await runOf();
      const first = zombie(run, backend);
      await first.until('up');
      await first.kill();
      expect(await first.result).toBeNull();
      // Nobody has said `end`: the attempt itself sees to it.
      const report = recordReport();
      const second = backends[backend].run(attemptOf(run, 2), report, never);
      await report.until('up');
      await go();
      expect((await second).message).toBe('');
      expect(await journal()).toEqual(['begin 1', 'begin 2', 'end 2', 'second 2']);
    }
  },
);

test.skipIf(reason)('a playbook that is killed leaves no command on the Server', async () => {
  const run = await runOf();
  const report = recordReport();
  const running = backends.ansible.run(run, report, never);
  await report.until('up');
  for (const pid of await marked(runMarker(run.taskId, 1))) {
    const [first = '', second = ''] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (`${first} ${second}`.includes('ansible-playbook')) process.kill(pid, 'SIGKILL');
  }
  expect(await running).toMatchObject({ status: 'failed' });
  expect((await host.exec('pgrep -af srv/go | grep -v pgrep')).stdout).toBe('');
  expect(await journal()).toEqual(['begin 1']);
});

test.skipIf(reason)('a Task ends what another one, which is over, has left on the Server', async () => {
  for (const backend of ['ansible', 'shell'] as const) {
    await host.exec('rm -f /srv/go; : >/srv/journal');
    const lost = await runOf();
    const first = zombie(lost);
    await first.until('up');
    await first.kill();
    const files = { 'tasks/main.yml': `- ansible.builtin.command: ${say('next')}\n`, 'shell/run': nextProgram };
    const next = await runOf({ fences: [{ key: `task-${lost.taskId}`, token: 2 }] }, files);
    expect((await backends[backend].run(next, recordReport(), never)).message).toBe('');
    expect((await host.exec('pgrep -af srv/go | grep -v pgrep')).stdout).toBe('');
    expect(await journal()).toEqual(['begin 1', 'next 1']);
  }
});

test.skipIf(reason)('a network that is cut and heals brings nothing of the earlier attempt back', async () => {
  const run = await runOf();
  const first = zombie(run);
  await first.until('up');
  const heal = await cut(first);
  expect(await endThere(run, 1)).toBe('');
  const report = recordReport();
  const second = backends.ansible.run(attemptOf(run, 2), report, never);
  await report.until('up');
  await heal();
  // Its connection has lived through a short cut, and has died of a longer one.
  expect(['superseded', 'unreachable']).toContain((await first.result)?.status);
  await go();
  expect((await second).message).toBe('');
  expect(await journal()).toEqual(['begin 1', 'begin 2', 'end 2', 'second 2']);
});

/** Drops what goes over this worker's connections, silently, as a broken network does. */
async function cut(worker: TestWorker): Promise<() => Promise<void>> {
  const pids = await worker.pids();
  const { stdout } = await execa('ss', ['-Htnp', 'dst', host.address]);
  const lines = stdout.split('\n').filter(line => pids.some(pid => line.includes(`pid=${pid},`)));
  const ports = lines.map(line => /:(\d+)\s+\S+:22\s/.exec(line)?.[1] ?? '');
  expect(ports).not.toEqual([]);
  const rules = [
    ['input', 'sport'],
    ['output', 'dport'],
  ].map(([hook, side]) => [
    `add chain inet cut ${hook} { type filter hook ${hook} priority 0; }`,
    `add rule inet cut ${hook} tcp ${side} { ${ports.join(', ')} } drop`,
  ]);
  await onHost('apt-get install -qy nftables');
  await onHost(`nft '${['add table inet cut', ...rules.flat()].join('; ')}'`);
  return () => onHost('nft delete table inet cut');
}

async function onHost(command: string): Promise<void> {
  const done = await host.exec(command);
  expect(done.code, done.stderr).toBe(0);
}

test.skipIf(reason)(
  'nothing of any kind starts without the permit: modules, raw commands, scripts, copies, jobs',
  async () => {
    const run = await runOf(
      { server: server({ user: 'deploy', become: true }) },
      {
        'files/script.sh': '#!/bin/sh\necho script >>/srv/journal\n',
        'tasks/main.yml': `
- name: First
  aegir_stream: {argv: [sh, -c, "${wait}", "{{ aegir.attempt }}"]}
  ignore_errors: true
- name: All others
  ignore_errors: true
  ignore_unreachable: true
  block:
    - ansible.builtin.copy: {dest: /srv/journal, content: "copied\\n", mode: "0666"}
    - ansible.builtin.command: ${say('module')}
    - ansible.builtin.command: ${say('without pipelining')}
      vars: {ansible_pipelining: false}
    - ansible.builtin.command: ${say('as somebody else')}
      become_user: nobody
    - ansible.builtin.command: ${say('without sudo')}
      become: false
    - ansible.builtin.raw: echo raw >>/srv/journal
    - ansible.builtin.raw: echo raw >>/srv/journal
      args: {executable: /bin/bash}
    - ansible.builtin.script: script.sh
    - ansible.builtin.command: ${say('job')}
      async: 10
      poll: 0
`,
      },
    );
    const done = backends.ansible.run(run, recordReport(), never);
    await expect.poll(journal, patient).toEqual(['begin 1']);
    await go();
    expect((await done).message).toBe('');
    const marks = [
      'module 1',
      'without pipelining 1',
      'as somebody else 1',
      'without sudo 1',
      'raw',
      'raw',
      'script',
      'job 1',
    ];
    await expect.poll(journal, patient).toEqual(['copied', ...marks]);
    await host.exec('rm -f /srv/go; : >/srv/journal');
    const again = { ...run, taskId: `${run.taskId}-again` };
    const running = zombie(again);
    await running.until('up');
    expect(await endThere(again, 1)).toBe('');
    expect(await running.result).toMatchObject({ status: 'superseded' });
    await expect.poll(journal, patient).toEqual(['begin 1']);
    expect(running.report.lines.filter(line => line.includes('fatal: [web1]'))).toHaveLength(10);
  },
);

test.skipIf(reason)('an older token is refused, an equal one and a newer one pass', async () => {
  const files = { 'tasks/main.yml': '- ansible.builtin.command: "true"\n', 'shell/run': '#!/bin/sh\n' };
  const key = `environment-${process.pid}`;
  const outcomes: string[] = [];
  for (const backend of ['ansible', 'shell'] as const) {
    for (const token of [5, 5, 4, 7, 5, 7]) {
      const run = await runOf({ fences: [{ key, token: token + (backend === 'shell' ? 10 : 0) }] }, files);
      const { status, message } = await backends[backend].run(run, recordReport(), never);
      outcomes.push(status);
      if (status !== 'succeeded') expect(message).toBe(supersededMessage);
    }
  }
  const expected = ['succeeded', 'succeeded', 'superseded', 'succeeded', 'superseded', 'succeeded'];
  expect(outcomes).toEqual([...expected, ...expected]);
});

test.skipIf(reason)('whoever holds a newer token ends what the older one has under way, and nothing else', async () => {
  const key = `environment-${process.pid}-taken`;
  const old = await runOf({ fences: [{ key, token: 1 }] });
  const other = await runOf({ fences: [{ key: `${key}-other`, token: 1 }] });
  const [first, beside] = [recordReport(), recordReport()];
  const running = [backends.ansible.run(old, first, never), backends.ansible.run(other, beside, never)];
  await Promise.all([first.until('up'), beside.until('up')]);
  const files = { 'tasks/main.yml': `- ansible.builtin.command: ${say('newer')}\n` };
  const newer = await runOf({ fences: [{ key, token: 2 }] }, files);
  expect((await backends.ansible.run(newer, recordReport(), never)).message).toBe('');
  expect(await running[0]).toMatchObject({ status: 'superseded', message: supersededMessage });
  expect(await journal()).toEqual(['begin 1', 'begin 1', 'newer 1']);
  await go();
  expect((await running[1])?.message).toBe('');
  expect(await journal()).toEqual(['begin 1', 'begin 1', 'newer 1', 'end 1', 'second 1']);
});

test.skipIf(reason)('Tasks of one Operation that run side by side do not disturb each other', async () => {
  const fences = [{ key: `environment-${process.pid}-side`, token: 3 }];
  const runs = await Promise.all(['ansible', 'ansible', 'shell', 'shell'].map(() => runOf({ fences })));
  const reports = runs.map(recordReport);
  const running = runs.map((run, at) =>
    backends[at < 2 ? 'ansible' : 'shell'].run(run, reports[at] ?? recordReport(), never),
  );
  await Promise.all(reports.map(report => report.until('up')));
  await go();
  expect((await Promise.all(running)).map(result => result.message).join('')).toBe('');
  expect((await journal()).filter(line => line === 'second 1')).toHaveLength(4);
});

test.skipIf(reason)('an attempt that begins after it was ended is refused, and so are those before it', async () => {
  const run = await runOf();
  expect(await endThere(run, 2)).toBe('');
  for (const backend of ['ansible', 'shell'] as const) {
    for (const attempt of [1, 2]) {
      const result = await backends[backend].run(attemptOf(run, attempt), recordReport(), never);
      expect(result).toMatchObject({ status: 'superseded', exitCode: null });
    }
  }
  expect(await journal()).toEqual([]);
});

test.skipIf(reason)(
  'nobody but the user of the runs can write what is known of them, and it does not grow for ever',
  async () => {
    for (const user of [{}, { user: 'deploy' }]) {
      const run = await runOf({ server: server(user) }, { 'shell/run': '#!/bin/sh\n' });
      expect((await backends.shell.run(run, recordReport(), never)).message).toBe('');
    }
    const state = await host.exec(
      'stat -c "%a %U" /run/aegir /run/aegir/* /home/deploy/.local/state/aegir | sort | uniq -c',
    );
    expect(state.stdout.replace(/ +/g, ' ').trim()).toMatch(/^1 644 root\s+\d 700 deploy\s+4 755 root$/);
    await host.exec(
      'touch -d "31 days ago" /run/aegir/fences/old /run/aegir/permits/T.1; touch -d "29 days ago" /run/aegir/fences/young',
    );
    await endThere(await runOf(), 1);
    const kept = await host.exec(
      'cd /run/aegir; ls -d fences/old permits/T.1 fences/young 2>/dev/null; rm -f fences/young',
    );
    expect(kept.stdout).toBe('fences/young');
  },
);

test.skipIf(reason)('a folder that another user has put there is not used', async () => {
  await host.exec('mv /run/aegir /run/aegir.kept; install -d -o deploy -m 755 /run/aegir');
  const run = await runOf({}, { 'tasks/main.yml': '- ansible.builtin.command: "true"\n' });
  const result = await backends.ansible.run(run, recordReport(), never);
  await host.exec('rm -rf /run/aegir; mv /run/aegir.kept /run/aegir');
  expect(result).toMatchObject({ status: 'failed' });
  expect(result.message).toContain('/run/aegir is not a folder of this user alone');
});
