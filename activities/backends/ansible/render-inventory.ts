// The inventory of a run: one host. Connection data come from forms, so they are marked as unsafe like all values.

import type { ServerConnection } from '../backend.ts';
import { markUnsafe } from './render-vars.ts';

export type InventoryTarget = { python: string } | { server: ServerConnection };

/** @param guarded by our connection plugins, which exist in a run only. */
export function renderInventory(target: InventoryTarget, { guarded }: { guarded: boolean }): string {
  const [name, plain] = 'server' in target ? serverHost(target.server) : localHost('worker', target.python);
  const variables = guarded ? { ...plain, ansible_connection: `aegir_${plain.ansible_connection}` } : plain;
  return `${JSON.stringify({ all: { hosts: { [name]: markUnsafe(variables) } } }, null, 2)}\n`;
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
