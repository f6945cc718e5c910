// What the log of an Ansible run costs: 100,000 lines through the backend against the bare command, and the time from a
// line's print on an SSH host until the backend hands it to the log. Usage: node bench/ansible-log.ts [--host]

import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { execa } from 'execa';
import type { Backend, RunResult } from '../activities/backends/backend.ts';
import { createBackends, createSshMasters } from '../activities/backends/index.ts';
import { makeFolder, makeRun, makeServer, python } from '../activities/backends/test-run.ts';
import { startTestHost } from '../test/test-host.ts';
import { percentile } from './percentile.ts';

const lines = 100_000;
const printing = `import sys\nfor i in range(${lines}): print(i, "x" * 60)`;

const masters = createSshMasters({ runFolder: '' });
const backend = createBackends({ python, runFolder: '', masters }).ansible;

async function timed<T>(work: () => Promise<T>): Promise<[seconds: number, T]> {
  const begun = performance.now();
  const value = await work();
  return [(performance.now() - begun) / 1000, value];
}

async function play(tasks: string, onLine: (line: string) => void, target: object = {}): Promise<RunResult> {
  const folder = await makeFolder({ 'tasks/main.yml': tasks });
  const report = {
    line: onLine,
    mark: () => undefined,
    room: () => undefined,
    hostKey: async () => undefined,
    adopted: async () => undefined,
    kept: async () => undefined,
  };
  const run = makeRun({ folder: folder.path, ...target });
  const result = await (backend as Backend).run(run, report, new AbortController().signal);
  await folder.remove();
  if (result.status !== 'succeeded') throw new Error(result.message);
  return result;
}

const streaming = (script: string) => `- aegir_stream: {argv: [python3, -c, ${JSON.stringify(script)}]}`;

async function flood(): Promise<void> {
  let seen = 0;
  const count = (line: string) => {
    if (line.endsWith('x'.repeat(60))) seen += 1;
  };
  const [without] = await timed(() => play(streaming('print("one")'), () => undefined));
  const [withLines] = await timed(() => play(streaming(printing), count));
  const [bare] = await timed(() => execa('python3', ['-c', printing], { stdout: 'ignore' }));
  if (seen !== lines) throw new Error(`${seen} of ${lines} lines arrived`);
  const cost = withLines - without - bare;
  console.log(
    `streaming module: ${lines} lines in ${withLines.toFixed(2)} s; the same run with one line ${without.toFixed(2)} s, the bare command ${bare.toFixed(2)} s: ${cost.toFixed(2)} s beyond it`,
  );
}

/** A task whose result Ansible itself prints as 100,000 lines, by our callback and by ansible-playbook alone. */
async function result(): Promise<void> {
  const tasks = `- ansible.builtin.debug: {msg: "{{ range(${lines}) | list }}"}`;
  const folder = await makeFolder({
    'roles/try_something/tasks/main.yml': tasks,
    'playbook.yml': '- {hosts: localhost, gather_facts: false, roles: [try_something]}',
  });
  const command = join(dirname(python), 'ansible-playbook');
  const [bare] = await timed(() =>
    execa(command, ['playbook.yml'], { cwd: folder.path, stdout: 'ignore', stderr: 'ignore' }),
  );
  await folder.remove();
  let seen = 0;
  const [ours] = await timed(() =>
    play(tasks, () => {
      seen += 1;
    }),
  );
  if (seen < lines) throw new Error(`${seen} of ${lines} lines arrived`);
  console.log(
    `output of Ansible itself: ${lines} lines in ${ours.toFixed(2)} s, ansible-playbook alone ${bare.toFixed(2)} s: ${(ours - bare).toFixed(2)} s beyond it`,
  );
}

async function latency(): Promise<void> {
  const host = await startTestHost('bench');
  const server = makeServer({ address: host.address, sshKey: host.privateKey, hostKey: host.hostKey });
  const script = 'import time\nfor i in range(50): print("at", time.time(), flush=True); time.sleep(0.07)';
  const delays: number[] = [];
  try {
    for (const connection of ['cold', 'live']) {
      const [total] = await timed(() =>
        play(
          streaming(script),
          line => {
            const printed = /^at (\d+\.\d+)$/.exec(line)?.[1];
            if (printed) delays.push(Date.now() - Number(printed) * 1000);
          },
          { target: 'server', server },
        ),
      );
      console.log(`SSH host, ${connection} connection: ${(total - 50 * 0.07).toFixed(2)} s beside the command`);
    }
  } finally {
    await masters.closeAll();
    await host.stop();
  }
  const at = (part: number) => percentile(delays, part).toFixed(0);
  console.log(`SSH host, print to log: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, first to last of ${delays.length} lines`);
}

await flood();
await result();
if (process.argv.includes('--host')) await latency();
await masters.closeAll();
