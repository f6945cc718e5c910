// What a Task of three and one of twenty steps cost with Ansible: a run of the backend as a copy of the fork server, one that
// starts Ansible by itself, and ansible-playbook alone, each in turn. Usage: node bench/ansible-start.ts [rounds]

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { execa } from 'execa';
import { createBackends, createSshMasters } from '../activities/backends/index.ts';
import { makeFolder, makeRun, python, recordReport, startForkServer } from '../activities/backends/test-run.ts';
import { percentile } from './percentile.ts';

const rounds = Number(process.argv[2] ?? 20);
const few = `
- ansible.builtin.assert: {that: [true]}
- ansible.builtin.command: {argv: ["true"]}
- ansible.builtin.stat: {path: /etc}
`;
const many = `${few}${'- ansible.builtin.stat: {path: /etc}\n'.repeat(17)}`;

const own = await mkdtemp(join(tmpdir(), 'aegir-bench-'));
const forkServer = await startForkServer(own);
const dependencies = { python, runFolder: '', modules: join(own, 'modules') };
const masters = createSshMasters(dependencies);

async function measure(title: string, tasks: string): Promise<void> {
  const role = await makeFolder({
    'tasks/main.yml': tasks,
    'play.yml':
      '[{hosts: localhost, connection: local, gather_facts: false, tasks: [{include_tasks: tasks/main.yml}]}]',
  });
  const run = async (backend: ReturnType<typeof createBackends>['ansible']) => {
    const result = await backend.run(makeRun({ folder: role.path }), recordReport(), new AbortController().signal);
    if (result.status !== 'succeeded') throw new Error(result.message);
  };
  const ways: Record<string, () => Promise<unknown>> = {
    'copy of the fork server': () => run(createBackends({ ...dependencies, masters, forkServer }).ansible),
    'started by itself': () => run(createBackends({ ...dependencies, masters }).ansible),
    'ansible-playbook alone': () =>
      execa(join(dirname(python), 'ansible-playbook'), ['-i', 'localhost,', join(role.path, 'play.yml')], {
        env: { HOME: own, ANSIBLE_PYTHON_INTERPRETER: python, ANSIBLE_PIPELINING: 'True' },
      }),
  };
  const times = Object.fromEntries(Object.keys(ways).map(name => [name, [] as number[]]));
  // The first of each warms what is kept between runs.
  for (let round = -1; round < rounds; round += 1) {
    for (const [name, way] of Object.entries(ways)) {
      const begun = performance.now();
      await way();
      if (round >= 0) times[name]?.push(performance.now() - begun);
    }
  }
  await role.remove();
  const alone = percentile(times['ansible-playbook alone'] ?? [], 0.5);
  for (const [name, list] of Object.entries(times)) {
    const [p50, p95] = [percentile(list, 0.5), percentile(list, 0.95)];
    const share = (p50 / alone).toFixed(2);
    console.log(`${title}, ${name}: p50 ${p50.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms, ${share} of it alone`);
  }
}

await measure('three steps', few);
await measure('twenty steps', many);
await forkServer.close();
await masters.closeAll();
await rm(own, { recursive: true, force: true });
