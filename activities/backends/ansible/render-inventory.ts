// The inventory of a run: one host. Connection data come from forms, so they are marked as unsafe like all values.

import { join } from 'node:path';
import type { ServerConnection } from '../backend.ts';
import { quoteWord, renderClientOptions } from '../ssh-render.ts';
import { markUnsafe } from './render-vars.ts';

export type InventoryTarget = { python: string } | { server: ServerConnection };

export interface InventoryRun {
  /** Folder of the run. */
  folder: string;
  /** Socket of the ssh master; null = local connection. */
  socket: string | null;
}

/** @param run null = to be used by hand, without what exists in a run only. */
export function renderInventory(target: InventoryTarget, run: InventoryRun | null): string {
  const [name, plain] = 'server' in target ? serverHost(target.server) : localHost('worker', target.python);
  const variables = run ? { ...plain, ...runVariables(plain.ansible_connection, run) } : plain;
  return `${JSON.stringify({ all: { hosts: { [name]: markUnsafe(variables) } } }, null, 2)}\n`;
}

/** The connection plugins are ours. On this machine modules put their temporary files into the folder of the run, too: nothing
 * stays in somebody's home. */
function runVariables(connection: 'ssh' | 'local', { folder, socket }: InventoryRun): Record<string, string> {
  const options = socket === null ? [] : renderClientOptions(socket).map(quoteWord);
  return {
    ansible_connection: `aegir_${connection}`,
    ...(socket === null ? { ansible_remote_tmp: join(folder, 'tmp') } : { ansible_ssh_args: options.join(' ') }),
  };
}

type Host = [name: string, variables: Record<string, unknown> & { ansible_connection: 'ssh' | 'local' }];

function serverHost(server: ServerConnection): Host {
  const name = hostName(server.name);
  const become = server.become ? { ansible_become: true } : {};
  if (server.connection === 'local') {
    const [, variables] = localHost(name, server.python);
    return [name, { ...variables, ...become }];
  }
  return [
    name,
    {
      ansible_connection: 'ssh',
      ansible_host: server.address,
      ansible_port: server.port,
      ansible_user: server.user,
      // Always set: discovery may pick an interpreter that does not work.
      ansible_python_interpreter: server.python,
      ...become,
    },
  ];
}

function localHost(name: string, python: string): Host {
  return [name, { ansible_connection: 'local', ansible_python_interpreter: python }];
}

/** Ansible expands brackets in host names of an inventory, and reads some other characters in its own way. */
function hostName(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^[-.]/, '_') || 'server';
}
