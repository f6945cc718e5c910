// Runs every check and test of the project and sums them up in one last line. `--fast`: without the tests that need hosts,
// clusters, a browser or a start of the whole. Further words are passed to vitest, such as a path.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Counts } from './count-reporter.ts';
import { canRunClusters } from './test-cluster.ts';

const root = join(import.meta.dirname, '..');
const programs = join(root, 'node_modules', '.bin');
const words = process.argv.slice(2);
const isFast = words.includes('--fast');

const checks = [
  { title: 'format', command: ['biome', 'ci', '--linter-enabled=false', '.'] },
  { title: 'lint', command: ['biome', 'ci', '--formatter-enabled=false', '--error-on-warnings', '.'] },
  { title: 'types', command: ['tsc', '-p', '.'] },
  ...(existsSync(join(root, 'ui', 'tsconfig.json'))
    ? [{ title: 'types of the pages', command: ['tsc', '-p', 'ui'] }]
    : []),
];

const stopPreparing = startPreparing();
const none: Counts = { passed: 0, failed: 0, skipped: 0, failedNames: [], skippedNames: [], longest: [] };
const total = structuredClone(none);
for (const { title, command } of checks) {
  console.log(`\n== ${title}`);
  const isRight = (await run(command)) === 0;
  console.log(isRight ? 'passed' : `failed: ${title}`);
  total[isRight ? 'passed' : 'failed'] += 1;
  if (!isRight) total.failedNames.push(title);
}
console.log('\n== tests');
add(await runVitest());
stopPreparing();
const seconds = total.longest.map(([file, length]) => `${String(length).padStart(6)} s  ${file}`);
if (seconds.length > 0) console.log(`\nLongest:\n${seconds.join('\n')}`);
if (total.skippedNames.length > 0) console.log(`\nSkipped:\n  ${total.skippedNames.join('\n  ')}`);
if (total.failedNames.length > 0) console.log(`\nFailed:\n  ${total.failedNames.join('\n  ')}`);
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed > 0 ? 1 : 0);

/**
 * The binary and the images of test clusters take minutes once, so they are made beside the tests that need none, and give way to
 * them. Those that do wait for it; what goes wrong is theirs to say. Returns what ends it, for when nobody has waited.
 */
function startPreparing(): () => void {
  const isWanted = !isFast && (words.length === 0 || words.some(word => word.includes('cluster')));
  if (!isWanted || canRunClusters() !== null) return () => {};
  const prepare = join(root, 'test', 'cluster', 'prepare');
  // A group of its own: the compiler's processes end with it.
  const child = spawn('nice', ['-n', '10', prepare], { stdio: 'ignore', detached: true });
  return () => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) process.kill(-child.pid);
  };
}

async function runVitest(): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-counts-'));
  const file = join(folder, 'counts.json');
  const reporters = ['--reporter=default', `--reporter=${join(root, 'test', 'count-reporter.ts')}`];
  const others = words.filter(word => word !== '--fast');
  try {
    const command = ['vitest', 'run', ...reporters, ...(isFast ? ['--project', 'unit'] : []), ...others];
    const code = await run(command, { AEGIR_TEST_COUNTS: file });
    const counts = readCounts(file);
    // A run that ends before its report has failed, whatever was counted until then.
    const isWrong = code !== 0 && counts.failed === 0;
    return isWrong ? { ...counts, failed: 1, failedNames: [`the run of the tests, with exit code ${code}`] } : counts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readCounts(file: string): Counts {
  const early = 'the run of the tests, which ended before its report';
  if (!existsSync(file)) return { ...none, failed: 1, failedNames: [early] };
  return JSON.parse(readFileSync(file, 'utf8')) as Counts;
}

function add(counts: Counts): void {
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  total.failedNames.push(...counts.failedNames);
  total.skippedNames.push(...counts.skippedNames);
  total.longest.push(...counts.longest);
}

/** The exit code; a signal to this process is passed on, so that nothing outlives it. */
function run(command: string[], environment: Record<string, string> = {}): Promise<number> {
  const [program = '', ...args] = command;
  const child = spawn(join(programs, program), args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: join(root, '.cache', 'compiled'),
      PATH: `${programs}${delimiter}${process.env.PATH ?? ''}`,
      ...environment,
    },
  });
  const pass = (signal: NodeJS.Signals) => child.kill(signal);
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.once(signal, pass);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', code => {
      for (const signal of signals) process.off(signal, pass);
      resolve(code ?? 1);
    });
  });
}
