// One Release fetched by several Tasks at the same time on one Server, as when several Environments of it are installed at once.
// Only the steps where they meet, as programs of their own that begin them together.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { project, pythonBin } from './play-role.ts';

/** Each round is another race. */
const program = `
import json, multiprocessing, os, sys
sys.path.insert(0, sys.argv[1])
import deploy_release_begin as begin, deploy_release_seal as seal

base, rounds, together = sys.argv[2], 20, 4
content = {'entries': {f'page-{number}.html': ['100644', 'a' * 40] for number in range(3000)}}

def work(number, barrier, problems):
    for round in range(rounds):
        partial = os.path.join(base, f'{begin.PREFIX}{round}-{number}')
        tree, path = os.path.join(partial, 'tree'), os.path.join(base, f'release-{round}')
        os.makedirs(tree)
        open(os.path.join(tree, 'index.html'), 'w').close()
        barrier.wait()
        try:
            seal.put_in_place(tree, path, path + '.manifest', content)
            begin.shutil.rmtree(partial)
            for _ in range(20):
                begin.remove_left(base, partial)
        except Exception as problem:
            problems.put(repr(problem))

barrier, problems = multiprocessing.Barrier(together), multiprocessing.SimpleQueue()
processes = [multiprocessing.Process(target=work, args=(number, barrier, problems)) for number in range(together)]
for process in processes: process.start()
for process in processes: process.join()
found = []
while not problems.empty(): found.append(problems.get())
print(json.dumps({'problems': found, 'left': sorted(os.listdir(base))}))
`;

test('several that fetch the same Release at the same time all succeed, and leave one', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'aegir-deploy-'));
  try {
    const library = join(project, 'roles/deploy_release/library');
    const { stdout } = await execa(join(pythonBin, 'python'), ['-B', '-', library, folder], { input: program });
    const releases = Array.from({ length: 20 }, (_, round) => `release-${round}`);
    const left = releases.flatMap(name => [name, `${name}.manifest`]).sort();
    expect(JSON.parse(stdout)).toEqual({ problems: [], left });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
