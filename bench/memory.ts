// Most memory that the worker and the API of a measurement took, as the kernel noted it.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Begins anew. @param pid of start.ts, whose children they are. */
export function noteMemory(pid: number): void {
  for (const { id } of partsOf(pid)) writeFileSync(`/proc/${id}/clear_refs`, '5');
}

export function mostMemory(pid: number): string {
  return partsOf(pid)
    .map(({ id, name }) => {
      const status = readFileSync(`/proc/${id}/status`, 'utf8');
      const kib = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]);
      return `${name} at most ${(kib('VmHWM') / 1024).toFixed(0)} MiB`;
    })
    .join(', ');
}

function partsOf(root: number): { id: number; name: string }[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // Gone meanwhile.
    }
  }
  const below = (id: number): boolean => {
    const parent = parents.get(id);
    return parent === root || (parent !== undefined && parent > 1 && below(parent));
  };
  return [...parents.keys()].filter(below).flatMap(id => {
    const words = readFileSync(`/proc/${id}/cmdline`, 'utf8').split('\0');
    const name = words.map(word => /(worker|server)\.ts$/.exec(word)?.[1]).find(Boolean);
    return name && words[0]?.endsWith('node') ? [{ id, name }] : [];
  });
}
