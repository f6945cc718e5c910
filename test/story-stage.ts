// Where sites of a story (story.ts) are, and how they are entered: on hosts of a farm, with or without a cluster beside them.

import { join } from 'node:path';
import { expect } from 'vitest';
import type { Farm } from './farm.ts';
import type { Operator } from './operator.ts';
import type { StoryPlace } from './story.ts';
import type { StorySite } from './story-sites.ts';
import type { TestHost } from './test-host.ts';

type Values = Record<string, unknown>;

/** @param answers what brings a site there */
export function placeOnHost(
  farm: Farm,
  operator: Operator,
  host: TestHost,
  answers: (site: StorySite) => Values,
): StoryPlace {
  return {
    address: host.address,
    async sql(name, text) {
      const { database } = (await operator.entity(`environments/${name}`)).values;
      const { name: schema } = database as { name: string };
      const { stdout, stderr } = await farm.database.exec(`mariadb -BN ${schema} <<'END'\n${text}\nEND`);
      expect(stderr).toBe('');
      return stdout;
    },
    files: async (name, command) =>
      (await host.exec(`cd /var/lib/aegir/environments/${name}/files && ${command}`)).stdout,
    answers,
    unsettled: [],
  };
}

/** Each with its Project, a Release `v1`, `v2`, … for each commit, and an Environment of the first one that is not installed yet. */
export async function addStorySites(
  farm: Farm,
  sites: StorySite[],
  valuesOf: (site: StorySite) => Values,
): Promise<void> {
  for (const site of sites) {
    const { name, application, project, commit } = site;
    const commits = await commit(join(farm.repositories, name));
    await farm.make('projects', { name, application, repository: `${farm.git.url}/${name}`, ...project });
    for (const [index, git_ref] of commits.entries())
      await farm.make('releases', { name: `v${index + 1}`, project: name, git_ref });
    const values = { name, release: `${name}/v1`, primary_name: `${name}.example.org`, ...valuesOf(site) };
    await farm.make('environments', values);
  }
}
