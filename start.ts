// Composition root of `npm start`: everything on one machine, supervised. The parts themselves are in start/.

import { join } from 'node:path';
import { setInterval } from 'node:timers';
import { readConfig } from './config.ts';
import { explain, runMachine } from './start/machine.ts';

// A closed terminal must not keep the parts from being stopped.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

const stop = Promise.withResolvers<string>();
const hurry = Promise.withResolvers<void>();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  let times = 0;
  process.on(name, () => {
    stop.resolve(name);
    // npm passes on what the terminal has sent already: only the third of a kind is impatience.
    if (++times > 2) hurry.resolve();
  });
}
watchParent();

try {
  loadSettings();
  const config = readConfig(process.env, import.meta.dirname);
  await runMachine({
    config,
    environment: process.env,
    say: line => console.log(line),
    wish: { stop: stop.promise, hurry: hurry.promise },
  });
  process.exit(0);
} catch (error) {
  console.error(`\n${explain(error)}`);
  process.exit(1);
}

/** npm may die without passing anything on; then nobody is left who could stop this. */
function watchParent(): void {
  if (process.env.npm_lifecycle_event !== 'start') return;
  const parent = process.ppid;
  // One look a second: cheap, and soon enough.
  setInterval(() => {
    if (process.ppid !== parent) stop.resolve('npm has ended');
  }, 1000).unref();
}

function loadSettings(): void {
  try {
    process.loadEnvFile(join(import.meta.dirname, '.env'));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
}
