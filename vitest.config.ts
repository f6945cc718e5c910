// Which tests there are and which may run side by side: the heavy ones (named by their ending) after the others.

import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

const everywhere = ['**/node_modules/**', '**/dist/**', '.cache/**', '.aegir/**'];
const heavy = ['host', 'cluster', 'browser', 'start'].map(kind => `**/*.${kind}.test.ts`);

function project(name: string, include: string[], exclude: string[], isHeavy: boolean): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      include,
      exclude: [...everywhere, ...exclude],
      pool: 'forks',
      sequence: { groupOrder: isHeavy ? 1 : 0 },
      // A suite with hosts keeps nine tenths of a core busy, others wait for clocks and processes: three fill the gaps of two.
      maxWorkers: 3,
      // A single Operation takes seconds; installing packages on a host or a fresh clone takes minutes.
      testTimeout: isHeavy ? 600_000 : 60_000,
      // The first cluster waits for its binary: a quarter of an hour beside other tests, and twice that to be sure.
      hookTimeout: name === 'cluster' ? 1_800_000 : isHeavy ? 600_000 : 120_000,
    },
  };
}

export default defineConfig({
  test: {
    // Only here: the projects share its PostgreSQL and Temporal.
    globalSetup: ['test/global-setup.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      project('unit', ['**/*.test.ts'], heavy, false),
      project('host', ['**/*.host.test.ts'], [], true),
      project('cluster', ['**/*.cluster.test.ts'], [], true),
      project('browser', ['**/*.browser.test.ts'], [], true),
      project('start', ['**/*.start.test.ts'], [], true),
    ],
  },
});
