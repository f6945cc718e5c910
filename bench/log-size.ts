// Logs at size: 1,000,000 lines (100 MB) through each backend, side by side with the bare command and a Task of one line;
// most memory of worker and API meanwhile; then how fast ranges of lines and hits are answered, and whether following keeps
// up with 5,000 lines a second. Usage: node bench/log-size.ts [lines] [--no-host]   (hosts need root)

import { createParser } from 'eventsource-parser';
import { execa } from 'execa';
import type { OperationView } from '../api/contract.ts';
import type { LogChunk, LogHits, LogRange } from '../model/log.ts';
import { makeTypeFolder } from '../test/task-types.ts';
import { startTestHost, type TestHost } from '../test/test-host.ts';
import { watchParts } from './processes.ts';
import { startBenchAegir } from './start-aegir.ts';

const count = Number(process.argv.find(word => /^\d+$/.test(word)) ?? 1_000_000);
const withHost = !process.argv.includes('--no-host');

/** 100 bytes a line with its newline. */
const print = `seq -f 'line %07.0f ${'of a job that prints a lot '.repeat(4).slice(0, 86)}' 1 ${count}`;
const perSecond = 5000;
const seconds = 20;
const drip = `python3 - <<'PYTHON'
import time
for i in range(${seconds * 10}):
    print('\\n'.join('tick %f' % time.time() for _ in range(${perSecond / 10})), flush=True)
    time.sleep(0.1)
PYTHON`;

import { percentile } from './percentile.ts';

const types = makeTypeFolder();
types.shellTask('print_here', print);
types.shellTask('say_here', 'echo one');
types.shellTask('print_there', print, { target: 'server' });
types.shellTask('say_there', 'echo one', { target: 'server' });
const stream = (argv: string[]) => `- aegir_stream: {argv: ${JSON.stringify(argv)}}\n`;
types.ansibleTask('print_play', stream(['sh', '-c', print]));
types.ansibleTask('say_play', stream(['echo', 'one']));
types.shellTask('drip_here', drip);
for (const verb of ['print', 'say'])
  for (const where of ['here', 'there', 'play'])
    types.operation(`${verb}_${where}_now`, 'server', `[{id: print, task: ${verb}_${where}}]`);
types.operation('drip_now', 'server', '[{id: print, task: drip_here}]');

const host = withHost ? await startTestHost('bench') : null;
const aegir = await startBenchAegir(types.path);
try {
  await prepare();
  const largest = await measureBackends();
  await measureReading(largest);
  await measureFollowing();
} finally {
  await aegir.stop();
  await host?.stop();
  types.remove();
}

async function prepare(): Promise<void> {
  await aegir.call('POST', '/api/clusters', { values: { name: 'bench', kind: 'servers' } });
  const reach = host ? { address: host.address, ssh_key: host.privateKey } : { connection: 'local' };
  await aegir.call('POST', '/api/servers', { values: { name: 'bench', cluster: 'bench', ...reach } });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

async function measureBackends(): Promise<string> {
  let last = '';
  const bareHere = () => execa('sh', ['-c', print], { stdout: 'ignore' });
  const bareThere = (on: TestHost) => on.exec(`{ ${print}; } >/dev/null`);
  for (const where of withHost ? ['here', 'there', 'play'] : ['here', 'play']) {
    const bare = await timed(() => (host && where !== 'here' ? bareThere(host) : bareHere()));
    const one = await run(`say_${where}_now`);
    const usage = watchParts(aegir.pid);
    const many = await run(`print_${where}_now`);
    last = many.id;
    const beyond = many.seconds - one.seconds - bare;
    console.log(
      `${where}: ${count} lines: bare ${bare.toFixed(2)} s, Task of one line ${one.seconds.toFixed(2)} s, Task ${many.seconds.toFixed(2)} s → ${beyond.toFixed(2)} s beyond, ${(many.seconds / (bare + one.seconds)).toFixed(1)} ×; ${usage.since()}; ${await load()}`,
    );
    if (many.lines < count) throw new Error(`${many.lines} of ${count} lines are there`);
  }
  return last;
}

async function run(type: string): Promise<{ id: string; seconds: number; lines: number }> {
  const { id } = await aegir.call<OperationView>('POST', '/api/servers/bench/operations', { type });
  const reader = (await aegir.events(id)).getReader();
  while (!(await reader.read()).done);
  const { state, message, tasks } = await aegir.call<OperationView>('GET', `/api/operations/${id}`);
  if (state !== 'succeeded') throw new Error(`${type}: ${message}`);
  const task = tasks.at(-1);
  const seconds = (Date.parse(task?.endedAt ?? '') - Date.parse(task?.startedAt ?? '')) / 1000;
  return { id, seconds, lines: task?.attempts.at(-1)?.lines ?? 0 };
}

async function measureReading(id: string): Promise<void> {
  for (const size of [100, 1000, 5000]) {
    const times: number[] = [];
    for (let round = 0; round < 200; round += 1) {
      const from = 1 + Math.floor(Math.random() * (count - size));
      const begun = performance.now();
      const { pieces } = await aegir.call<LogRange>(
        'GET',
        `/api/operations/${id}/log/lines?from=${from}&to=${from + size - 1}`,
      );
      times.push(performance.now() - begun);
      const lines = pieces.reduce((sum, piece) => sum + piece.lines.length, 0);
      if (lines !== size) throw new Error(`${lines} of ${size} lines from ${from}`);
    }
    report(`any ${size} lines`, times);
  }
  const middle = `line ${String(Math.floor(count / 2)).padStart(7, '0')}`;
  await search(id, 'text, one line in the middle', { text: middle });
  await search(id, 'text that is nowhere', { text: 'no such thing' });
  await search(id, 'text that is nowhere, any case', { text: 'No Such Thing', ignore_case: 'true' });
  await search(id, 'expression, one line', { text: `^${middle}.*lot`, regex: 'true' });
  await search(id, 'expression, any case, nowhere', {
    text: 'NO such (thing|other)$',
    regex: 'true',
    ignore_case: 'true',
  });
  console.log(await load());
}

async function search(id: string, what: string, query: Record<string, string>): Promise<void> {
  let hits = 0;
  let answers = 0;
  let longest = 0;
  const seconds = await timed(async () => {
    for (let from: number | null = 1; from !== null; answers += 1) {
      const begun = performance.now();
      const path = `/api/operations/${id}/log/find?${new URLSearchParams({ ...query, from: String(from) })}`;
      const page: LogHits = await aegir.call<LogHits>('GET', path);
      longest = Math.max(longest, performance.now() - begun);
      hits += page.hits.length;
      from = page.next;
    }
  });
  console.log(
    `find ${what}: ${hits} hits in all ${count} lines after ${seconds.toFixed(2)} s, ${answers} answers, longest ${longest.toFixed(0)} ms`,
  );
}

async function measureFollowing(): Promise<void> {
  const { id } = await aegir.call<OperationView>('POST', '/api/servers/bench/operations', { type: 'drip_now' });
  const delays: number[] = [];
  const parser = createParser({
    onEvent: event => {
      if (event.event !== 'log') return;
      const now = Date.now() / 1000;
      for (const line of (JSON.parse(event.data) as LogChunk).text.split('\n')) {
        const [word, at] = line.split(' ');
        if (word === 'tick') delays.push((now - Number(at)) * 1000);
      }
    },
  });
  const decoder = new TextDecoder();
  for await (const piece of await aegir.events(id)) parser.feed(decoder.decode(piece, { stream: true }));
  if (delays.length !== perSecond * seconds) throw new Error(`${delays.length} lines followed`);
  report(`follow at ${perSecond} lines/s for ${seconds} s, print → client`, delays);
}

function report(what: string, values: number[]): void {
  const at = (part: number) => percentile(values, part).toFixed(1);
  console.log(`${what}: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, most ${at(1)} ms (${values.length})`);
}

async function load(): Promise<string> {
  const { stdout } = await execa('cut', ['-d ', '-f1', '/proc/loadavg']);
  return `load ${stdout}`;
}
