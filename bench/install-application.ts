// How long “Install” takes for WordPress (and Drupal, when AEGIR_TEST_DRUPAL names a repository of it), step by step, beside the
// bare commands that it stands for: on the same two hosts, in the same run.
// Run: node bench/install-application.ts   (as root, on an idle machine)

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { OperationView, TaskView } from '../api/contract.ts';
import { startGitServer } from '../test/git-server.ts';
import { makeTypeFolder } from '../test/task-types.ts';
import { canRunHosts, startTestHost, type TestHost } from '../test/test-host.ts';
import { makeWordPressRepository } from '../test/wordpress-repository.ts';
import { type Bare, bareDrupal, bareWordPress } from './bare-install.ts';
import { startBenchAegir } from './start-aegir.ts';

const rounds = 3;

interface Application {
  name: string;
  /** Puts a bare or working repository there. */
  repository(folder: string): Promise<unknown>;
  answers: Record<string, unknown>;
  bare: Bare;
}

const drupal = process.env.AEGIR_TEST_DRUPAL;
const applications: Application[] = [
  { name: 'wordpress', repository: makeWordPressRepository, answers: { site_name: 'Bench' }, bare: bareWordPress },
  ...(drupal
    ? [
        {
          name: 'drupal',
          repository: (folder: string) => execa('git', ['clone', '--quiet', '--bare', drupal, folder]),
          answers: { site_name: 'Bench', profile: 'minimal' },
          bare: bareDrupal,
        },
      ]
    : []),
];

const reason = canRunHosts();
if (reason) throw new Error(reason);

const types = makeTypeFolder();
const repositories = await mkdtemp(join(tmpdir(), 'aegir-repositories-'));
const [web, database] = await Promise.all([startTestHost('benchw'), startTestHost('benchd')]);
const git = await startGitServer(repositories, web.gateway);
const aegir = await startBenchAegir(types.path);
try {
  await prepare();
  for (const application of applications) await measure(application);
} finally {
  await aegir.stop();
  await git.stop();
  await Promise.all([web.stop(), database.stop()]);
  await rm(repositories, { recursive: true, force: true });
  types.remove();
}

async function prepare(): Promise<void> {
  const make = (plural: string, values: Record<string, unknown>) => aegir.call('POST', `/api/${plural}`, { values });
  const at = ({ address, privateKey }: TestHost) => ({ cluster: 'bench', address, ssh_key: privateKey });
  await make('clusters', { name: 'bench', kind: 'servers' });
  await make('servers', { name: 'web', ...at(web), php_versions: ['8.2'] });
  await make('servers', { name: 'database', ...at(database), web: false, database: true });
  for (const name of ['web', 'database']) await run('servers', name, 'prepare_server');
}

async function measure({ name, repository, answers, bare }: Application): Promise<void> {
  await repository(join(repositories, name));
  const make = (plural: string, values: Record<string, unknown>) => aegir.call('POST', `/api/${plural}`, { values });
  await make('projects', { name, repository: `${git.url}/${name}`, application: name });
  await make('releases', { name: 'v1', project: name, git_ref: 'main' });
  const columns: [string, OperationView][] = [];
  for (let round = 1; round <= rounds; round++) {
    const environment = `${name}${round}`;
    await make('environments', {
      name: environment,
      cluster: 'bench',
      release: `${name}/v1`,
      primary_name: `${environment}.example.org`,
    });
    const title = round === 1 ? 'first' : `of the same Release`;
    columns.push([title, await run('environments', environment, 'install_environment', answers)]);
  }
  columns.push(['again', await run('environments', `${name}1`, 'install_environment')]);
  print(name, columns);
  for (let round = 1; round <= rounds; round++) await measureBare(name, bare, round);
}

async function run(plural: string, id: string, type: string, input = {}): Promise<OperationView> {
  const { id: operation } = await aegir.call<OperationView>('POST', `/api/${plural}/${id}/operations`, { type, input });
  // The stream ends by itself after the end of the Operation.
  for await (const _ of await aegir.events(operation));
  const ended = await aegir.call<OperationView>('GET', `/api/operations/${operation}`);
  if (ended.state !== 'succeeded') throw new Error(`${type} on ${id}: ${ended.message}`);
  return ended;
}

/** Each command on its host, timed there; the SSH connections are not counted. */
async function measureBare(name: string, { onDatabase, onWeb }: Bare, round: number): Promise<void> {
  const site = {
    name: `bare${name}${round}`,
    repository: `${git.url}/${name}`,
    host: database.address,
    client: web.address,
  };
  const seconds: [string, number][] = [];
  for (const [step, host, command] of [
    ...onDatabase(site).map(([step, command]) => [step, database, command] as const),
    ...onWeb(site).map(([step, command]) => [step, web, command] as const),
  ]) {
    const { code, stdout, stderr } = await host.exec(`start=$(date +%s%N)
{ set -e
${command}
} >/tmp/bare.log 2>&1 || { cat /tmp/bare.log >&2; exit 1; }
echo $(( ($(date +%s%N) - start) / 1000000 ))`);
    if (code !== 0) throw new Error(`${step}: ${stderr}`);
    seconds.push([step, Number(stdout) / 1000]);
  }
  const sum = seconds.reduce((total, [, value]) => total + value, 0);
  const parts = seconds.map(([step, value]) => `${step} ${value.toFixed(2)}`).join(', ');
  console.log(`bare commands, ${round}: ${sum.toFixed(2)} s (${parts})`);
}

function print(name: string, columns: [string, OperationView][]): void {
  const width = Math.max(...columns.map(([title]) => title.length)) + 2;
  const row = (title: string, cells: string[]) =>
    console.log(`  ${title.padEnd(34)}${cells.map(cell => cell.padStart(width)).join('')}`);
  console.log(`\n${name}: seconds per step of Install`);
  row(
    '',
    columns.map(([title]) => title),
  );
  for (const [index, { type, title }] of (columns[0]?.[1].tasks ?? []).entries())
    row(
      `${title} (${type})`.slice(0, 33),
      columns.map(([, operation]) => secondsOf(operation.tasks[index])),
    );
  row(
    'the whole Operation',
    columns.map(([, operation]) => secondsOf(operation)),
  );
}

function secondsOf(part: Pick<TaskView | OperationView, 'startedAt' | 'endedAt'> | undefined): string {
  if (!part?.startedAt || !part.endedAt) return '–';
  return ((Date.parse(part.endedAt) - Date.parse(part.startedAt)) / 1000).toFixed(2);
}
