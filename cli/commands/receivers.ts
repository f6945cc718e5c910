// `aegir receiver test|messages|again`: what is sent to a Receiver.

import { Command } from 'commander';
import type { Page } from '../../api/contract.ts';
import type { DeliveryView } from '../../api/contract-deliveries.ts';
import { noticeEvents } from '../../model/notices.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { readCount } from '../numbers.ts';
import { localTime, print, printJson, printTable, stateWords } from '../output.ts';

export const deliveryVerbs = ['messages', 'test', 'again'];

export function addDeliveryCommands(environment: CliEnvironment, command: Command): void {
  const messages = withCommonFlags(new Command('messages').description('what was sent to a Receiver, newest first'))
    .argument('<name>', 'name or id')
    .option('--limit <number>', 'no more than these', readCount, 20)
    .action(async (name: string, options: CommonFlags & { limit: number }) => {
      const client = connect(environment, options);
      const page = await client.get<Page<DeliveryView>>(pathOf('receivers', name, 'deliveries'), {
        limit: String(options.limit),
      });
      const header = ['id', 'state', 'attempts', 'when', 'message', 'answer'];
      if (options.json) printJson(page.items);
      else printTable(environment, header, page.items.map(rowOf), 'Nothing was sent to it yet.');
    });
  const test = withCommonFlags(new Command('test').description('send a test message to a Receiver'))
    .argument('<name>', 'name or id')
    .action(async (name: string, options: CommonFlags) => {
      const sent = await connect(environment, options).post<DeliveryView>(pathOf('receivers', name, 'test'), {});
      if (options.json) printJson(sent);
      else print(`A test message is on its way. \`aegir receiver messages ${name}\` says what came of it.`);
    });
  const again = withCommonFlags(new Command('again').description('send a message once more, at once'))
    .argument('<message>', 'id of the message')
    .action(async (id: string, options: CommonFlags) => {
      const sent = await connect(environment, options).post<DeliveryView>(pathOf('deliveries', id, 'again'), {});
      if (options.json) printJson(sent);
      else print('It is on its way.');
    });
  command.addCommand(messages).addCommand(test).addCommand(again);
}

function rowOf({ id, state, attempts, createdAt, testBy, notices, answer }: DeliveryView): unknown[] {
  const [first] = notices;
  const head = first ? `${noticeEvents[first.event].title}: ${first.title} ${first.subject.name}`.trim() : '';
  const more = notices.length > 1 ? `, and ${notices.length - 1} more` : '';
  return [id, stateWords(state), attempts, localTime(createdAt), testBy ? 'Test' : `${head}${more}`, answer];
}
