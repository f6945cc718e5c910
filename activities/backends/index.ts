// The one table of backends. A further one is a file or folder here, and a line below.

import type { BackendName } from '../../model/task-type.ts';
import { createAnsibleBackend } from './ansible/backend.ts';
import type { Backend } from './backend.ts';
import type { BackendDependencies } from './dependencies.ts';
import { createKubernetesBackend } from './kubernetes/backend.ts';
import { createShellBackend } from './shell/backend.ts';
import { createTerraformBackend } from './terraform/backend.ts';

export { createForkServer, type ForkServer } from './ansible/fork-server.ts';
export type { BackendDependencies } from './dependencies.ts';
export { makeRunFolder, removeRunFolder, sweepRunFolders } from './run-folder.ts';
export { createSshMasters, type SshLease, type SshMasters } from './ssh-masters.ts';

export function createBackends(dependencies: BackendDependencies) {
  return {
    ansible: createAnsibleBackend(dependencies),
    shell: createShellBackend(dependencies),
    terraform: createTerraformBackend(dependencies),
    kubernetes: createKubernetesBackend(),
  } satisfies Record<BackendName, Backend>;
}
