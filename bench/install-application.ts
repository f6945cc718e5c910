// How long “Install” takes for WordPress (and Drupal, when AEGIR_TEST_DRUPAL names a repository of it), step by step, beside the
// bare commands that it stands for: on the same two hosts, in the same run.
// Run: node bench/install-application.ts   (as root, on an idle machine)

import { join } from 'node:path';
import { execa } from 'execa';
import type { OperationView } from '../api/contract.ts';
import { makeWordPressRepository } from '../test/wordpress-repository.ts';
import { type Bare, bareDrupal, bareWordPress } from './bare-install.ts';
import { secondsOf, startHostingFarm, timeOn } from './hosting-farm.ts';

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

const farm = await startHostingFarm();
const { make, run, web, database, repositories, gitUrl } = farm;
try {
  for (const application of applications) await measure(application);
} finally {
  await farm.stop();
}

async function measure({ name, repository, answers, bare }: Application): Promise<void> {
  await repository(join(repositories, name));
  await make('projects', { name, repository: `${gitUrl}/${name}`, application: name });
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

/** Each command on its host, timed there; the SSH connections are not counted. */
async function measureBare(name: string, { onDatabase, onWeb }: Bare, round: number): Promise<void> {
  const site = {
    name: `bare${name}${round}`,
    repository: `${gitUrl}/${name}`,
    host: database.address,
    client: web.address,
  };
  const seconds: [string, number][] = [];
  for (const [step, host, command] of [
    ...onDatabase(site).map(([step, command]) => [step, database, command] as const),
    ...onWeb(site).map(([step, command]) => [step, web, command] as const),
  ]) {
    seconds.push([step, await timeOn(host, step, command)]);
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
      columns.map(([, operation]) => cell(operation.tasks[index])),
    );
  row(
    'the whole Operation',
    columns.map(([, operation]) => cell(operation)),
  );
}

function cell(part: Parameters<typeof secondsOf>[0]): string {
  return secondsOf(part)?.toFixed(2) ?? '–';
}
