// `aegir environment retention`: which of its backups “Remove old backups” would remove now, and why each other one stays.

import { Command } from 'commander';
import type { RetentionView } from '../../model/retention.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { localTime, print, printJson, printTable } from '../output.ts';

export const retentionVerb = 'retention';

export function retentionCommand(environment: CliEnvironment): Command {
  const command = new Command(retentionVerb).description(
    'which of its backups would be removed now, and why others stay',
  );
  withCommonFlags(command).argument('<name>', 'name or id');
  return command.action(async (name: string, options: CommonFlags) => {
    const view = await connect(environment, options).get<RetentionView>(pathOf('environments', name, 'retention'));
    if (options.json) return printJson(view);
    const { rule, of, safetyDays, fates } = view;
    print(
      `${of === 'cluster' ? 'Its Cluster’s rule' : 'Its own rule'}: ${rule}; none goes that is younger than ${safetyDays} days.`,
    );
    const rows = fates.map(fate => [
      fate.name,
      localTime(fate.madeAt),
      fate.state,
      fate.reasons.join('; ') || 'GOES, as no rule keeps it',
    ]);
    printTable(environment, ['backup', 'made', 'state', 'stays'], rows, 'There is no backup of it.');
  });
}
