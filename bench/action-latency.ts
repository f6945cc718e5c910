// How long a person waits for an Action on an SSH host: the call of the API, beside the bare command over a connection that
// is just as live, in turns. The program on the host takes 0.3 s. The first Action, which connects, stands apart.
// Run: node bench/action-latency.ts   (as root, on an idle machine)

import { createSshMasters } from '../activities/backends/index.ts';
import { makeServer } from '../activities/backends/test-run.ts';
import type { ActionView } from '../api/contract.ts';
import { makeTypeFolder } from '../test/task-types.ts';
import { canRunHosts, startTestHost } from '../test/test-host.ts';
import { percentile } from './percentile.ts';
import { startBenchAegir } from './start-aegir.ts';

const rounds = Number(process.argv[2] ?? 60);
const busyMs = 300;

const reason = canRunHosts();
if (reason) throw new Error(reason);

const types = makeTypeFolder();
types.shellTask('make_link', `cat >/dev/null; sleep 0.3; echo '{"url": "https://x.example/1"}' > "$AEGIR_OUTPUTS"`, {
  target: 'server',
  meta: 'outputs: {url: {type: str, help: Link}}\n',
});
types.operation('link_to', 'server', '[{id: link, task: make_link}]', 'action: true\nopens: url\n');

const host = await startTestHost('bench');
const aegir = await startBenchAegir(types.path);
const masters = createSshMasters({ runFolder: '' });
try {
  const { address, privateKey, hostKey } = host;
  await aegir.call('POST', '/api/clusters', { values: { name: 'bench', kind: 'servers' } });
  await aegir.call('POST', '/api/servers', {
    values: { name: 'bench', cluster: 'bench', address, ssh_key: privateKey },
  });
  const act = async () => {
    const { state, message } = await aegir.call<ActionView>('POST', '/api/servers/bench/actions', { type: 'link_to' });
    if (state !== 'succeeded') throw new Error(message);
  };
  const server = makeServer({ address, sshKey: privateKey, hostKey });
  const lease = await masters.acquire(server, { line: () => undefined, hostKey: async () => undefined });
  console.log(`first Action, which connects: ${Math.round(await timed(act))} ms`);
  const actions: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    actions.push(await timed(act));
    bare.push(await timed(() => lease.run('sh -c "sleep 0.3"')));
  }
  lease.release();
  report(`Action, ${busyMs} ms of it on the host`, actions);
  report('bare command over the same kind of connection', bare);
  console.log(`beyond the bare command: p50 ${Math.round(percentile(actions, 0.5) - percentile(bare, 0.5))} ms`);
} finally {
  await masters.closeAll();
  await aegir.stop();
  await host.stop();
  types.remove();
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

function report(what: string, values: number[]): void {
  const [p50, p95, most] = [0.5, 0.95, 1].map(part => Math.round(percentile(values, part)));
  console.log(`${what}: p50 ${p50} ms, p95 ${p95} ms, most ${most} ms (${values.length} calls)`);
}
