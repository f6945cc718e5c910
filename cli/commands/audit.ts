// `aegir audit`: who changed what.

import { Command } from 'commander';
import type { AuditView } from '../../api/contract.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { readCount } from '../numbers.ts';
import { localTime, printJson, printTable } from '../output.ts';

/** A screenful or two. */
const defaultLimit = 50;

/** Facts of a Server are kilobytes: in a pipe, where no terminal limits a line, this does. */
const longestChange = 200;

export function auditCommand(environment: CliEnvironment): Command {
  return withCommonFlags(new Command('audit').description('who changed what, newest first'))
    .option('--limit <number>', 'no more than these', readCount, defaultLimit)
    .action(async (options: CommonFlags & { limit: number }) => {
      const entries = await connect(environment, options).all<AuditView>(pathOf('audit'), {}, options.limit);
      const rows = entries.map(entry => [
        localTime(entry.at),
        entry.actor,
        entry.fromAddress,
        entry.verb,
        `${entry.objectKind}/${entry.objectName || entry.objectId}`,
        renderChange(entry),
      ]);
      if (options.json) printJson(entries);
      else
        printTable(environment, ['when', 'who', 'from', 'did', 'to', 'change'], rows, 'Nothing is written down yet.');
    });
}

/** What became what; of something new, what it is. `--json` has all of it. */
function renderChange({ before, after }: AuditView): string {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const changes = names
    .map(name => ({ name, old: JSON.stringify(before?.[name] ?? null), now: JSON.stringify(after?.[name] ?? null) }))
    .filter(({ old, now }) => old !== now)
    .map(({ name, old, now }) => (old === 'null' ? `${name}: ${now}` : `${name}: ${old} → ${now}`))
    .join(', ');
  return changes.length > longestChange ? `${changes.slice(0, longestChange)}…` : changes;
}
