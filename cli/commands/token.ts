// `aegir token create|list|delete|sign-in-link`. On Aegir's own machine `create` needs no sign-in: the owner of its data folder is trusted.

import { hostname } from 'node:os';
import { Command, Option } from 'commander';
import type { TokenView } from '../../api/contract-people.ts';
import { type Role, roles } from '../../model/access.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { usageError } from '../exit.ts';
import { localTime, print, printJson, printTable } from '../output.ts';

/** Of the API. */
const longestName = 32;

export function tokenCommand(environment: CliEnvironment): Command {
  const command = new Command('token')
    .alias('tokens')
    .description('API tokens: create, list, delete; sign-in-link for a browser');
  const create = withCommonFlags(new Command('create').description('make a token; it is shown this once'))
    .option('--name <name>', 'what it is for', `aegir on ${hostname()}`.slice(0, longestName))
    .addOption(new Option('--role <role>', 'it may do no more than that; else what you may').choices(roles))
    .option('--days <days>', 'it is refused after that; else never', readDays)
    .action(async (options: CommonFlags & { name: string; role?: Role; days?: number }) => {
      const { name, role, days } = options;
      const client = connect(environment, options);
      const made = await client.post<TokenView & { token: string }>(pathOf('tokens'), { name, role, days });
      if (options.json) printJson(made);
      else print(made.token);
    });
  const list = withCommonFlags(new Command('list').alias('ls').description('list your tokens')).action(
    async (options: CommonFlags) => {
      const tokens = await loadTokens(environment, options);
      const rows = tokens.map(token => [
        token.name,
        token.id,
        token.role ?? 'yours',
        localTime(token.createdAt),
        localTime(token.lastUsedAt),
        token.expiresAt ? localTime(token.expiresAt) : 'never',
      ]);
      const header = ['name', 'id', 'role', 'created', 'last used', 'ends'];
      if (options.json) printJson(tokens);
      else printTable(environment, header, rows, 'There are no tokens.');
    },
  );
  const remove = withCommonFlags(new Command('delete').alias('rm').description('delete a token: it is refused at once'))
    .argument('<token>', 'its name or id')
    .action(async (word: string, options: CommonFlags) => {
      const found = (await loadTokens(environment, options)).filter(token => token.id === word || token.name === word);
      const [token] = found;
      if (token === undefined) throw usageError(`There is no token "${word}": see \`aegir token list\`.`);
      if (found.length > 1) throw usageError(`${found.length} tokens have this name: give the id.`);
      await connect(environment, options).delete(pathOf('tokens', token.id));
      if (options.json) printJson({ deleted: token.id });
      else print(`Token ${token.name} is deleted.`);
    });
  const link = withCommonFlags(
    new Command('sign-in-link').description(
      'on Aegir’s own machine: make a link that signs a browser in as the first administrator, once',
    ),
  ).action(async (options: CommonFlags) => {
    const made = await connect(environment, options).post<{ url: string }>(pathOf('sign-in-links'), {});
    if (options.json) printJson(made);
    else print(made.url);
  });
  return command.addCommand(create).addCommand(list).addCommand(remove).addCommand(link);
}

function loadTokens(environment: CliEnvironment, options: CommonFlags): Promise<TokenView[]> {
  return connect(environment, options).get<TokenView[]>(pathOf('tokens'));
}

function readDays(text: string): number {
  if (!/^\d+$/.test(text)) throw usageError(`--days: "${text}" is no number of days.`);
  return Number(text);
}
