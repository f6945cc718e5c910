// Where commands of a run are carried out: a Server over its live connection, or this machine.

import { execa } from 'execa';
import type { ServerConnection } from './backend.ts';
import type { RunDependencies } from './dependencies.ts';
import type { CommandResult } from './ssh-connection.ts';
import type { SshLease } from './ssh-masters.ts';

export interface Machine {
  name: string;
  python: string;
  /** Commands are run as root by sudo. */
  become: boolean;
  /** Folder for what is known of runs (fence.py); '' = the usual place of the machine. */
  base: string;
  run(command: string, options: { input: string; signal: AbortSignal }): Promise<CommandResult>;
}

export function connectionMachine(lease: Pick<SshLease, 'run'>, { name, python, become }: ServerConnection): Machine {
  return { name, python, become, base: '', run: lease.run };
}

/** @param server that is this machine; undefined = the worker itself. */
export function thisMachine(server: ServerConnection | undefined, dependencies: RunDependencies): Machine {
  const { python, runFolder, environment = {} } = dependencies;
  return {
    name: server?.name ?? 'the worker',
    python: server?.python ?? python,
    become: server?.become ?? false,
    base: runFolder,
    run: async (command, { input, signal }) => {
      const result = await execa('sh', ['-c', command], {
        reject: false,
        input,
        cancelSignal: signal,
        env: environment,
      });
      return { exitCode: result.exitCode ?? null, stdout: result.stdout, stderr: result.stderr };
    },
  };
}
