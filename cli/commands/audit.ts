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

export function auditCommand(environment: CliEnvironment): Command {
  return withCommonFlags(new Command('audit').description('who changed what, newest first'))
    .option('--limit <number>', 'no more than these', readCount, defaultLimit)
    .action(async (options: CommonFlags & { limit: number }) => {
      const entries = await connect(environment, options).all<AuditView>(pathOf('audit'), {}, options.limit);
      const rows = entries.map(entry => [
        localTime(entry.at),
        entry.actor,
        entry.verb,
        `${entry.objectKind}/${entry.objectName || entry.objectId}`,
        renderChange(entry),
      ]);
      if (options.json) printJson(entries);
      else printTable(environment, ['when', 'who', 'did', 'to', 'change'], rows, 'Nothing is written down yet.');
    });
}

function renderChange({ before, after }: AuditView): string {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  return names
    .filter(name => JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]))
    .map(name => `${name}: ${JSON.stringify(before?.[name] ?? null)} → ${JSON.stringify(after?.[name] ?? null)}`)
    .join(', ');
}
