// What the worker and the API of a measurement take: memory as the kernel notes its most, and time of a processor.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

export interface Usage {
  /** Says what was taken since. */
  since(): string;
}

interface Part {
  id: number;
  name: string;
}

/** @param pid of start.ts, whose children they are. */
export function watchParts(pid: number): Usage {
  const parts = partsOf(pid);
  // From here on the kernel notes the most anew.
  for (const { id } of parts) writeFileSync(`/proc/${id}/clear_refs`, '5');
  const before = parts.map(({ id }) => ({ memory: memoryOf(id, 'VmRSS'), seconds: secondsOf(id) }));
  return {
    since: () =>
      parts
        .map(({ id, name }, at) => {
          const { memory = 0, seconds = 0 } = before[at] ?? {};
          const took = (secondsOf(id) - seconds).toFixed(1);
          return `${name} ${memory} → at most ${memoryOf(id, 'VmHWM')} MiB, ${took} s of a processor`;
        })
        .join('; '),
  };
}

function memoryOf(id: number, field: string): number {
  const status = readFileSync(`/proc/${id}/status`, 'utf8');
  return Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
}

/** The kernel counts in hundredths of a second. */
function secondsOf(id: number): number {
  const words = statOf(id).split(' ');
  return (Number(words[11]) + Number(words[12])) / 100;
}

/** After the name of the program, which may have blanks. */
function statOf(id: number): string {
  const stat = readFileSync(`/proc/${id}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2);
}

function partsOf(root: number): Part[] {
  const parents = new Map<number, number>();
  const words = new Map<number, string[]>();
  for (const id of readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)) {
    try {
      words.set(id, readFileSync(`/proc/${id}/cmdline`, 'utf8').split('\0'));
      parents.set(id, Number(statOf(id).split(' ')[1]));
    } catch {
      // Gone meanwhile.
    }
  }
  const isBelow = (id: number): boolean => {
    const parent = parents.get(id);
    return parent === root || (parent !== undefined && parent > 1 && isBelow(parent));
  };
  return [...parents.keys()].filter(isBelow).flatMap(id => {
    const [program = '', ...rest] = words.get(id) ?? [];
    const name = rest.map(word => /(worker|server)\.ts$/.exec(word)?.[1]).find(Boolean);
    return name && program.endsWith('node') ? [{ id, name }] : [];
  });
}
