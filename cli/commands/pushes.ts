// `aegir project pushes`: what git servers have reported, and what came of it.

import { Command } from 'commander';
import type { PushPage, PushView } from '../../api/contract-pushes.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { readCount } from '../numbers.ts';
import { localTime, note, printJson, printTable, stateWords } from '../output.ts';

export function addPushCommand(environment: CliEnvironment, command: Command): void {
  const pushes = withCommonFlags(new Command('pushes').description('what git servers have reported, newest first'))
    .argument('<name>', 'name or id')
    .option('--limit <number>', 'no more than these', readCount, 20)
    .action(async (name: string, options: CommonFlags & { limit: number }) => {
      const client = connect(environment, options);
      const page = await client.get<PushPage>(pathOf('projects', name, 'pushes'), { limit: String(options.limit) });
      const header = ['when', 'branch', 'commit', 'by', 'state', 'what came of it'];
      if (options.json) printJson(page);
      else {
        note(`The git server sends to ${page.url}`);
        printTable(environment, header, page.items.map(rowOf), 'None has come yet.');
      }
    });
  command.addCommand(pushes);
}

function rowOf({ receivedAt, branch, commit, pusher, state, message }: PushView): unknown[] {
  return [localTime(receivedAt), branch, commit.slice(0, 10), pusher, stateWords(state), message];
}
