// One PostgreSQL and one Temporal server for a whole run of the tests; each suite takes a database and a namespace of its
// own from them (harness.ts). And one fork server for plays that tests run by themselves (play-role.ts).

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { createForkServer } from '../activities/backends/index.ts';
import { startTestPostgres, startTestTemporal } from './engines.ts';
import { plainSettings, pythonBin } from './plain-ansible.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    databaseUrl: string;
    temporalAddress: string;
    /** Where the two keep their files and logs. */
    enginesFolder: string;
    /** Socket of the fork server that starts the plays of play-role.ts. */
    ansibleSocket: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-test-'));
  const [postgres, temporal] = await Promise.all([
    startTestPostgres(folder, { durable: false }),
    startTestTemporal(folder, { durable: false }),
  ]);
  project.provide('databaseUrl', postgres.url);
  project.provide('temporalAddress', temporal.address);
  project.provide('enginesFolder', folder);
  const forkServer = createForkServer(
    {
      python: join(pythonBin, 'python'),
      runFolder: '',
      environment: { PATH: process.env.PATH ?? '', ...plainSettings },
    },
    join(folder, 'ansible'),
  );
  project.provide('ansibleSocket', forkServer.socket());
  return async () => {
    await forkServer.close();
    await temporal.stop();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
