// What the backends are given by the composition root. Nothing here reads the environment of the worker.

import type { ForkServer } from './ansible/fork-server.ts';
import type { SshMasters } from './ssh-masters.ts';
import type { TerraformSettings } from './terraform/store.ts';

export interface RunDependencies {
  /** Interpreter of the virtual environment; ansible-playbook lies beside it. */
  python: string;
  /** Where private run folders are made; '' = /dev/shm where there is one, else the system's temporary folder. */
  runFolder: string;
  /** This worker's own folder for what Ansible makes of modules; left out: each run makes it anew. */
  modules?: string;
  /** Starts Ansible faster; left out: each run starts it anew. */
  forkServer?: ForkServer;
  /** Further variables of every process of a run: PATH, proxies, certificates. Never secrets. */
  environment?: Record<string, string>;
  /** Left out: this process carries out nothing of Terraform. */
  terraform?: TerraformSettings;
}

export interface BackendDependencies extends RunDependencies {
  masters: SshMasters;
}
