// The workflow code as one bundle, made once per version of its sources: bundling takes seconds at every start of a worker.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';

/** Part of the bundle, by its path (secrets/data-converter.ts gives the same to workers and clients). */
const failureConverter = join('secrets', 'failure-converter.ts');

/** @param cache folder for bundles. @returns the path of the bundle for the sources as they are now. */
export async function bundleWorkflows(installation: string, cache: string): Promise<string> {
  const file = join(cache, `${hashSources(installation)}.js`);
  try {
    readFileSync(file);
    return file;
  } catch {
    // Not made yet.
  }
  // Its own words about sizes and times are nothing for a log that people read.
  const quiet = { trace() {}, debug() {}, info() {}, log() {}, warn: console.warn, error: console.error };
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(installation, 'workflows', 'index.ts'),
    failureConverterPath: join(installation, failureConverter),
    logger: quiet,
  });
  mkdirSync(cache, { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, code);
  renameSync(draft, file);
  return file;
}

/** Workflows import from the model only (test/architecture.ts), so nothing else can change the bundle but the SDK. */
function hashSources(installation: string): string {
  const hash = createHash('sha256').update(createRequire(import.meta.url)('@temporalio/worker/package.json').version);
  for (const folder of ['workflows', 'model']) {
    const names = readdirSync(join(installation, folder))
      .filter(name => name.endsWith('.ts'))
      .sort();
    for (const name of names)
      hash.update(`\0${folder}/${name}\0`).update(readFileSync(join(installation, folder, name)));
  }
  hash.update(readFileSync(join(installation, failureConverter)));
  return hash.digest('hex');
}
