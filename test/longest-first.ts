// The order of test files: those that take longest begin first, so that a run does not end with one of them alone.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Of a run on two cores, each more than three minutes; `npm test` prints at its end which they are. */
const longest = [
  'test/kubernetes-story.cluster.test.ts',
  'test/story.host.test.ts',
  'test/drupal.host.test.ts',
  'test/wordpress.cluster.test.ts',
  'test/kubernetes-database.cluster.test.ts',
  'test/wordpress.host.test.ts',
  'test/kubernetes-clusters.cluster.test.ts',
  'test/start.start.test.ts',
  'test/rollouts.test.ts',
  'test/backends-page.test.ts',
  'test/terraform.test.ts',
  'test/failures-engine.test.ts',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => longest.findIndex(name => moduleId.endsWith(`/${name}`));
    const isLong = (file: TestSpecification) => rank(file) >= 0;
    const group = ({ project }: TestSpecification) => project.config.sequence.groupOrder;
    const sorted = await super.sort(files);
    const first = sorted.filter(isLong).sort((one, other) => rank(one) - rank(other));
    // Within their group: a stable sort keeps the rest as it is.
    return [...first, ...sorted.filter(file => !isLong(file))].sort((one, other) => group(one) - group(other));
  }
}
