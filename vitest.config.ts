// Which tests there are and which may run side by side: the heavy ones (named by their ending) take turns, in groups.

import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

const everywhere = ['**/node_modules/**', '**/dist/**', '.cache/**', '.aegir/**'];
const heavy = ['host', 'browser', 'start'].map(kind => `**/*.${kind}.test.ts`);

/** `groupOrder`: projects of one number run together, the numbers one after the other. */
function project(
  name: string,
  include: string[],
  exclude: string[],
  { groupOrder, maxWorkers }: { groupOrder: number; maxWorkers: number },
): TestProjectInlineConfiguration {
  const isHeavy = groupOrder > 0;
  return {
    test: {
      name,
      include,
      exclude: [...everywhere, ...exclude],
      pool: 'forks',
      sequence: { groupOrder },
      maxWorkers,
      // A single Operation takes seconds; installing packages on a host or a fresh clone takes minutes.
      testTimeout: isHeavy ? 600_000 : 60_000,
      hookTimeout: isHeavy ? 600_000 : 120_000,
    },
  };
}

export default defineConfig({
  test: {
    // Only here: the projects share its PostgreSQL and Temporal.
    globalSetup: ['test/global-setup.ts'],
    projects: [
      // Two suites are what two cores carry; what waits for pages, or measures a whole machine, is alone.
      project('unit', ['**/*.test.ts'], heavy, { groupOrder: 0, maxWorkers: 2 }),
      project('host', ['**/*.host.test.ts'], [], { groupOrder: 1, maxWorkers: 2 }),
      project('browser', ['**/*.browser.test.ts'], [], { groupOrder: 2, maxWorkers: 1 }),
      project('start', ['**/*.start.test.ts'], [], { groupOrder: 3, maxWorkers: 1 }),
    ],
  },
});
