// Two figures of the log's way from an SSH host to the API's stream, measured through everything (module, SSH, relay,
// PostgreSQL, NOTIFY, server-sent events), beside the bare command on the same host in the same run:
//   1. time from the moment a line is printed on the host until a client of the stream has it;
//   2. what 100,000 lines cost beyond the bare command.
// Run: node bench/stream-latency.ts   (as root, on an idle machine)

import { createParser } from 'eventsource-parser';
import type { OperationView } from '../api/contract.ts';
import type { LogChunk } from '../model/log.ts';
import { makeTypeFolder } from '../test/task-types.ts';
import { canRunHosts, startTestHost, type TestHost } from '../test/test-host.ts';
import { percentile } from './percentile.ts';
import { type BenchAegir, startBenchAegir } from './start-aegir.ts';

const ticks = 200;
const lines = 100_000;
const printTicks = `import time\\nfor i in range(${ticks}):\\n    print('tick', time.time(), flush=True); time.sleep(0.05)`;
const printLines = `for i in range(${lines}): print('line', i, 'of a job that prints a lot')`;
const stream = (program: string) => `- name: Print\n  aegir_stream:\n    argv: [python3, -c, "${program}"]\n`;

const reason = canRunHosts();
if (reason) throw new Error(reason);

const types = makeTypeFolder();
types.ansibleTask('print_ticks', stream(printTicks));
types.ansibleTask('print_lines', stream(printLines));
types.ansibleTask('print_one', stream('print(1)'));
for (const name of ['ticks', 'lines', 'one']) types.operation(name, 'server', `[{id: print, task: print_${name}}]`);

const host = await startTestHost('bench');
const aegir = await startBenchAegir(types.path);
try {
  await prepare(aegir, host);
  await runAndRead(aegir, 'one', () => {});
  report('print on the host → API stream', await measureLatency(aegir));
  await measureVolume(aegir, host);
} finally {
  await aegir.stop();
  await host.stop();
  types.remove();
}

async function prepare({ call }: BenchAegir, { address, privateKey }: TestHost): Promise<void> {
  await call('POST', '/api/clusters', { values: { name: 'bench', kind: 'servers' } });
  await call('POST', '/api/servers', { values: { name: 'bench', cluster: 'bench', address, ssh_key: privateKey } });
}

/** @param onLine is called with each line as it arrives. @returns seconds that the Task took. */
async function runAndRead({ call, events }: BenchAegir, type: string, onLine: (line: string) => void): Promise<number> {
  const { id } = await call<OperationView>('POST', '/api/servers/bench/operations', { type });
  const parser = createParser({
    onEvent: event => {
      if (event.event === 'log') for (const line of (JSON.parse(event.data) as LogChunk).text.split('\n')) onLine(line);
    },
  });
  const decoder = new TextDecoder();
  for await (const piece of await events(id)) parser.feed(decoder.decode(piece, { stream: true }));
  const { state, message, tasks } = await call<OperationView>('GET', `/api/operations/${id}`);
  if (state !== 'succeeded') throw new Error(`${type}: ${message}`);
  const { startedAt, endedAt } = tasks[1] ?? { startedAt: null, endedAt: null };
  return (Date.parse(endedAt ?? '') - Date.parse(startedAt ?? '')) / 1000;
}

async function measureLatency(of: BenchAegir): Promise<number[]> {
  const delays: number[] = [];
  await runAndRead(of, 'ticks', line => {
    const [word, at] = line.split(' ');
    if (word === 'tick') delays.push(Date.now() - Number(at) * 1000);
  });
  if (delays.length !== ticks) throw new Error(`${delays.length} of ${ticks} lines arrived`);
  return delays;
}

async function measureVolume(of: BenchAegir, on: TestHost): Promise<void> {
  for (let round = 1; round <= 3; round += 1) {
    const began = performance.now();
    await on.exec(`python3 -c "${printLines}" >/dev/null`);
    const bare = (performance.now() - began) / 1000;
    const one = await runAndRead(of, 'one', () => {});
    let count = 0;
    const many = await runAndRead(of, 'lines', line => {
      if (line.startsWith('line ')) count += 1;
    });
    if (count !== lines) throw new Error(`${count} of ${lines} lines arrived`);
    const beyond = many - one - bare;
    console.log(
      `100,000 lines, round ${round}: bare ${bare.toFixed(2)} s, Task ${many.toFixed(2)} s, Task with one line ${one.toFixed(2)} s → ${beyond.toFixed(2)} s beyond`,
    );
  }
}

function report(what: string, values: number[]): void {
  const at = (part: number) => Math.round(percentile(values, part));
  console.log(`${what}: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, most ${at(1)} ms (${values.length} lines)`);
}
