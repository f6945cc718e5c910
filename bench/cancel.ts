// How long a cancel takes: from the call of the API until no process of the run is left on the worker, and none of the command
// on the SSH host. Each backend, with a command that ends when asked to, and one that ignores it and has children.
// Run: node bench/cancel.ts [rounds]   (as root, on an idle machine)

import { setTimeout as delay } from 'node:timers/promises';
import { marked, runMarker } from '../activities/backends/process-tree.ts';
import type { OperationView } from '../api/contract.ts';
import { makeTypeFolder } from '../test/task-types.ts';
import { canRunHosts, startTestHost } from '../test/test-host.ts';
import { percentile } from './percentile.ts';
import { startBenchAegir } from './start-aegir.ts';

const rounds = Number(process.argv[2] ?? 10);
// Longer than any measurement; also what the commands are found by.
const polite = 'sleep 86401';
const stubborn = `trap "" TERM INT HUP; (trap "" TERM; sleep 86402) & sleep 86403; wait`;

const reason = canRunHosts();
if (reason) throw new Error(reason);

const types = makeTypeFolder();
types.shellTask('polite_shell', polite, { target: 'server' });
types.shellTask('stubborn_shell', stubborn, { target: 'server' });
const stream = (command: string) => `- aegir_stream: {argv: [sh, -c, ${JSON.stringify(command)}]}\n`;
types.ansibleTask('polite_ansible', stream(polite));
types.ansibleTask('stubborn_ansible', stream(stubborn));
const kinds = ['polite_shell', 'stubborn_shell', 'polite_ansible', 'stubborn_ansible'];
for (const kind of kinds) types.operation(`run_${kind}`, 'server', `[{id: run, task: ${kind}}]`);

const host = await startTestHost('bench');
const aegir = await startBenchAegir(types.path);
try {
  const { address, privateKey } = host;
  await aegir.call('POST', '/api/clusters', { values: { name: 'bench', kind: 'servers' } });
  const values = { name: 'bench', cluster: 'bench', address, ssh_key: privateKey };
  await aegir.call('POST', '/api/servers', { values });
  for (const kind of kinds) {
    const times: Times[] = [];
    for (let round = 0; round < rounds; round += 1) times.push(await cancelOne(kind));
    report(kind, times);
  }
} finally {
  await aegir.stop();
  await host.stop();
  types.remove();
}

interface Times {
  worker: number;
  host: number;
  over: number;
}

async function cancelOne(kind: string): Promise<Times> {
  const { id } = await aegir.call<OperationView>('POST', '/api/servers/bench/operations', { type: `run_${kind}` });
  await until(async () => (await onHost()) > 0);
  const { tasks } = await aegir.call<OperationView>('GET', `/api/operations/${id}`);
  const marker = runMarker(tasks[1]?.id ?? '', 1);
  const begun = performance.now();
  const since = async (isOver: () => Promise<boolean>) => {
    await until(isOver);
    return performance.now() - begun;
  };
  await aegir.call('POST', `/api/operations/${id}/cancel?choice=leave`);
  const state = async () => (await aegir.call<OperationView>('GET', `/api/operations/${id}`)).state;
  const [worker, onTarget, over] = await Promise.all([
    since(async () => (await marked(marker)).length === 0),
    since(async () => (await onHost()) === 0),
    since(async () => (await state()) === 'cancelled'),
  ]);
  return { worker, host: onTarget, over };
}

async function onHost(): Promise<number> {
  return Number((await host.exec('pgrep -c -f "^sleep 8640[123]"')).stdout);
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await delay(20);
}

function report(kind: string, times: Times[]): void {
  const line = (name: keyof Times) => {
    const values = times.map(each => each[name]);
    const [p50, most] = [0.5, 1].map(part => Math.round(percentile(values, part)));
    return `p50 ${p50}, most ${most}`;
  };
  console.log(`${kind}: ms until nothing is left on the worker: ${line('worker')}; on the host: ${line('host')};`);
  console.log(`  until the Operation is cancelled: ${line('over')} (${times.length} rounds)`);
}
