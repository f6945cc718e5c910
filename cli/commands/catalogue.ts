// `aegir catalogue`: which types there are, and what is wrong with those that were refused. (`catalogue check` reads folders
// without the API; the script ./aegir starts it.)

import { Command } from 'commander';
import type { CatalogueView } from '../../api/contract.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { print, printJson } from '../output.ts';
import { renderTable } from '../table.ts';
import { printable } from '../text.ts';

export function catalogueCommand(environment: CliEnvironment): Command {
  return withCommonFlags(new Command('catalogue').description('Operation, Task and Application types'))
    .addHelpText('after', '\n`aegir catalogue check [folder…]` lists every mistake in the folders of types.')
    .action(async (options: CommonFlags) => {
      const view = await connect(environment, options).get<CatalogueView>(pathOf('catalogue'));
      if (options.json) printJson(view);
      else print(renderCatalogue(environment, view));
    });
}

function renderCatalogue(environment: CliEnvironment, view: CatalogueView): string {
  const table = (header: string[], rows: unknown[][]) => renderTable(header, rows, environment.width);
  const operations = view.operationTypes.map(type => [type.name, type.on, type.when, type.description]);
  const tasks = view.taskTypes.map(type => [type.name, type.target, type.backends, type.title]);
  const applications = view.applicationTypes.map(type => [type.name, type.title, type.description]);
  const refused = view.problems.map(problem => `  ${problem.file}:${problem.line}: ${printable(problem.message)}\n`);
  return [
    `Operation types\n${table(['name', 'on', 'when', 'description'], operations)}`,
    `Task types\n${table(['name', 'target', 'backends', 'title'], tasks)}`,
    `Application types\n${table(['name', 'title', 'description'], applications)}`,
    ...(refused.length > 0 ? [`Refused\n${refused.join('')}`] : []),
  ].join('\n');
}
