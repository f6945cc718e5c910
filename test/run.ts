// Runs every check and test of the project and sums them up in one last line. `--fast`: without the tests that need hosts,
// a browser or a start of the whole. Further words are passed to vitest, such as a path.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Counts } from './count-reporter.ts';

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

const total: Counts = { passed: 0, failed: 0, skipped: 0, skippedNames: [] };
for (const { title, command } of checks) {
  console.log(`\n== ${title}`);
  const isRight = (await run(command)) === 0;
  console.log(isRight ? 'passed' : `failed: ${title}`);
  total[isRight ? 'passed' : 'failed'] += 1;
}
console.log('\n== tests');
add(await runVitest());
if (total.skippedNames.length > 0) console.log(`\nSkipped:\n  ${total.skippedNames.join('\n  ')}`);
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed > 0 ? 1 : 0);

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
    return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readCounts(file: string): Counts {
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0, skippedNames: [] };
  return JSON.parse(readFileSync(file, 'utf8')) as Counts;
}

function add(counts: Counts): void {
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  total.skippedNames.push(...counts.skippedNames);
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
