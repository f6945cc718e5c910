// `aegir terraform <kind/name>`: what Terraform manages for an entity; `restore` goes back to a former state.

import { Command } from 'commander';
import type { EntityView } from '../../api/contract.ts';
import type { TerraformStateView } from '../../api/contract-terraform.ts';
import { type Client, pathOf } from '../client.ts';
import { type CommonFlags, connect, findEntity, nameOf, readKind, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { usageError } from '../exit.ts';
import { localTime, print, printJson, printTable } from '../output.ts';
import { ask } from '../prompt.ts';

interface RestoreFlags extends CommonFlags {
  reason?: string;
  yes?: boolean;
}

export function terraformCommand(environment: CliEnvironment): Command {
  const command = new Command('terraform').description('what Terraform manages for an entity, and its former states');
  const show = withCommonFlags(new Command('show').description('states by Task type, with former ones'))
    .argument('<entity>', 'kind/name')
    .action(async (word: string, options: CommonFlags) => {
      const client = connect(environment, options);
      const entity = await findManaged(client, word);
      const states = await client.get<TerraformStateView[]>(pathOf('terraform-states'), {
        kind: entity.kind,
        id: entity.id,
      });
      if (options.json) printJson(states);
      else
        printTable(
          environment,
          ['task type', 'manages', 'since', 'until', 'worked on by', 'former state'],
          states.flatMap(rowsOf),
          `Terraform has made nothing for the ${entity.kind} ${nameOf(entity)}.`,
        );
    });
  const restore = withCommonFlags(
    new Command('restore').description('put a former state into the place of the present one (administrators)'),
  )
    .argument('<entity>', 'kind/name')
    .argument('<state>', 'id of a former state')
    .option('--reason <text>', 'why, for the audit log')
    .option('-y, --yes', 'do not ask')
    .action(async (word: string, former: string, options: RestoreFlags) => {
      const client = connect(environment, options);
      const entity = await findManaged(client, word);
      await confirm(environment, options, entity);
      const path = pathOf('terraform-states', entity.kind, entity.id, 'restore');
      const states = await client.post<TerraformStateView[]>(path, { former, reason: options.reason ?? '' });
      if (options.json) printJson(states);
      else print('It is the present state now. Look by a dry run at what Terraform would do.');
    });
  return command.addCommand(show, { isDefault: true }).addCommand(restore);
}

function findManaged(client: Client, word: string): Promise<EntityView> {
  const slash = word.indexOf('/');
  if (slash < 1 || slash === word.length - 1) throw usageError(`"${word}" is not kind/name, such as environment/blog.`);
  return findEntity(client, readKind(word.slice(0, slash)), word.slice(slash + 1));
}

function rowsOf({ taskType, resources, changedAt, heldBy, former }: TerraformStateView): unknown[][] {
  return [
    [taskType, resources, localTime(changedAt), '', heldBy, ''],
    ...former.map(each => ['', each.resources, '', localTime(each.replacedAt), '', each.id]),
  ];
}

async function confirm(environment: CliEnvironment, options: RestoreFlags, entity: EntityView): Promise<void> {
  if (options.yes || !environment.interactive) return;
  const words = `Terraform will take what the ${entity.kind} ${nameOf(entity)} had then for what there is. Go on? [y/N] `;
  if (!/^y(es)?$/i.test(await ask(words))) throw usageError('Nothing was changed.');
}
