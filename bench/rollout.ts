// A Rollout over many Operations of one Task that does nothing: what Aegir itself takes for each, and whether it stays bounded.
// Run: node bench/rollout.ts [count]   (on an idle machine)

import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import type { OperationView } from '../api/contract.ts';
import type { RolloutView } from '../api/contract-rollouts.ts';
import { isRolloutOver, rolloutWorkflowType } from '../model/rollout.ts';
import { isOver } from '../model/run.ts';
import { makeTypeFolder } from '../test/task-types.ts';
import { watchParts } from './processes.ts';
import { startBenchAegir } from './start-aegir.ts';

const count = Number(process.argv[2] ?? 10_000);
/** One after the other, for comparison. */
const singles = 20;
/** Reading it costs as much as some of the Operations. */
const lookMs = 5000;

const types = makeTypeFolder();
types.shellTask('do_nothing', 'cat > /dev/null');
types.operation('nothing', 'project', '[{id: only, task: do_nothing}]');
const aegir = await startBenchAegir(types.path);
try {
  for (let from = 0; from < count; from += 20) {
    const names = Array.from({ length: Math.min(20, count - from) }, (_, index) => `p-${from + index}`);
    await Promise.all(names.map(name => aegir.call('POST', '/api/projects', { values: valuesOf(name) })));
  }
  const single = await timeOf(async () => {
    for (let index = 0; index < singles; index += 1) await runOne(`p-${index}`);
  });
  const usage = watchParts(aegir.pid);
  const took = await timeOf(async () => {
    const values = {
      operation_type: 'nothing',
      at_once: 40,
      per_server: 40,
      waves: ['1', '10%', 'rest'],
      where: [`default_ref=bench`],
    };
    const { id } = await aegir.call<RolloutView>('POST', '/api/rollouts', { values });
    for (let last = -1; ; await delay(lookMs)) {
      const { state, counts, message } = await aegir.call<RolloutView>('GET', `/api/rollouts/${id}`);
      if (counts.succeeded !== last) console.log(`${counts.succeeded} of ${count}`);
      last = counts.succeeded;
      if (!isRolloutOver(state)) continue;
      if (counts.succeeded !== count) throw new Error(`${state}: ${message}`);
      break;
    }
  });
  const each = took / count;
  console.log(
    `${count} Operations: ${took.toFixed(0)} s, ${(1 / each).toFixed(1)} each second, ${(each / (single / singles)).toFixed(2)} × one after the other by hand`,
  );
  console.log(usage.since());
  const connection = await Connection.connect({ address: aegir.temporalAddress });
  const client = new Client({ connection, namespace: process.env.AEGIR_TEMPORAL_NAMESPACE ?? 'aegir' });
  const lengths: number[] = [];
  for await (const run of client.workflow.list({ query: `WorkflowType = '${rolloutWorkflowType}'` }))
    lengths.push(run.historyLength);
  console.log(`its runs in the engine: ${lengths.length}, the longest with ${Math.max(...lengths)} events`);
  await connection.close();
} finally {
  await aegir.stop();
  types.remove();
}

function valuesOf(name: string) {
  return { name, repository: 'https://example.org/x.git', application: 'static', default_ref: 'bench' };
}

async function runOne(project: string): Promise<void> {
  const { id } = await aegir.call<OperationView>('POST', `/api/projects/${project}/operations`, { type: 'nothing' });
  while (!isOver((await aegir.call<OperationView>('GET', `/api/operations/${id}`)).state)) await delay(20);
}

async function timeOf(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}
