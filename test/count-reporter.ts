// Counts a run of vitest for test/run.ts, and names what has failed or was skipped, with the reason. Written to the file that
// AEGIR_TEST_COUNTS names.

import { writeFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';
import { canRunClusters } from './test-cluster.ts';
import { canRunHosts } from './test-host.ts';

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  failedNames: string[];
  skippedNames: string[];
  /** Files and their seconds, the longest first. */
  longest: [file: string, seconds: number][];
}

/** As many as matter for how long a run takes. */
const longestFiles = 12;

/** Enough to know what it is about; the whole stands further up, where a long output may have been cut. */
const shownCharacters = 600;

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const file = process.env.AEGIR_TEST_COUNTS;
    if (file) writeFileSync(file, JSON.stringify(countTests(modules, unhandled)));
  }
}

/** A file that could not be read to its end, or an error outside of all tests, counts as one that failed. */
function countTests(modules: readonly TestModule[], unhandled: readonly unknown[]): Counts {
  const counts: Counts = {
    passed: 0,
    failed: 0,
    skipped: 0,
    failedNames: [],
    skippedNames: [],
    longest: longestOf(modules),
  };
  const fail = (name: string, errors: readonly SerializedError[]) => {
    counts.failed += 1;
    counts.failedNames.push(`${name}: ${errors.map(wordsOf).join(' / ')}`);
  };
  for (const error of unhandled) fail('outside of all tests', [error as SerializedError]);
  for (const module of modules) {
    for (const error of module.errors()) fail(module.relativeModuleId, [error]);
    for (const suite of module.children.allSuites())
      for (const error of suite.errors()) fail(`${module.relativeModuleId} > ${suite.fullName}`, [error]);
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') counts.passed += 1;
      else if (result.state === 'failed') fail(`${module.relativeModuleId} > ${test.fullName}`, result.errors);
      else {
        const note = 'note' in result && result.note ? result.note : reasonOf(module.moduleId);
        counts.skipped += 1;
        counts.skippedNames.push(`${module.relativeModuleId} > ${test.fullName}${note ? `: ${note}` : ''}`);
      }
    }
  }
  return counts;
}

function longestOf(modules: readonly TestModule[]): Counts['longest'] {
  return modules
    .map((module): [string, number] => [module.relativeModuleId, Math.round(module.diagnostic().duration / 1000)])
    .sort(([, one], [, other]) => other - one)
    .slice(0, longestFiles);
}

function reasonOf(file: string): string {
  if (file.endsWith('.host.test.ts')) return canRunHosts() ?? '';
  if (file.endsWith('.cluster.test.ts')) return canRunClusters() ?? '';
  return '';
}

function wordsOf({ message }: SerializedError): string {
  return stripVTControlCharacters(message).slice(0, shownCharacters);
}
