// Counts a run of vitest for test/run.ts, and names what was skipped, with the reason. Written to the file that
// AEGIR_TEST_COUNTS names.

import { writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';
import { canRunHosts } from './test-host.ts';

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  skippedNames: string[];
}

export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const file = process.env.AEGIR_TEST_COUNTS;
    if (file) writeFileSync(file, JSON.stringify(countTests(modules, unhandled.length)));
  }
}

/** A file that could not be read to its end, or an error outside of all tests, counts as one that failed. */
function countTests(modules: readonly TestModule[], unhandled: number): Counts {
  const counts: Counts = { passed: 0, failed: unhandled, skipped: 0, skippedNames: [] };
  for (const module of modules) {
    counts.failed += module.errors().length;
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') counts.passed += 1;
      else if (result.state === 'failed') counts.failed += 1;
      else {
        const note = 'note' in result && result.note ? result.note : reasonOf(module.moduleId);
        counts.skipped += 1;
        counts.skippedNames.push(`${module.relativeModuleId} > ${test.fullName}${note ? `: ${note}` : ''}`);
      }
    }
  }
  return counts;
}

function reasonOf(file: string): string {
  return file.endsWith('.host.test.ts') ? (canRunHosts() ?? '') : '';
}
