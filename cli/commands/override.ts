// `aegir override list|set|remove`: templates of Task types that an entity replaces, and manifests that it patches. An override is code: it needs the role
// engineer.

import { Command } from 'commander';
import type { OverrideView } from '../../api/contract.ts';
import { entities } from '../../model/entities.ts';
import { errorText } from '../../model/errors.ts';
import { overridingKinds } from '../../model/overrides.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, readKind, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { usageError } from '../exit.ts';
import { localTime, print, printJson, printTable } from '../output.ts';
import { readText } from '../values.ts';

const kindHelp = overridingKinds.toReversed().join(', ');
const templateHelp = 'for example write_vhost/custom.conf.j2 or make_page/kubernetes/page.yml';

export function overrideCommand(environment: CliEnvironment): Command {
  const command = new Command('override')
    .alias('overrides')
    .description('overrides of templates and manifests: list, set, remove');
  return command
    .addCommand(listCommand(environment))
    .addCommand(setCommand(environment))
    .addCommand(removeCommand(environment));
}

function listCommand(environment: CliEnvironment): Command {
  return withCommonFlags(new Command('list').alias('ls').description('list the overrides of an entity'))
    .argument('<kind>', kindHelp)
    .argument('<entity>', 'name or id')
    .action(async (kind: string, name: string, options: CommonFlags) => {
      const path = pathOf(entities[readKind(kind)].plural, name, 'overrides');
      const found = await connect(environment, options).get<OverrideView[]>(path);
      const rows = found.map(each => [
        `${each.taskType}/${each.template}`,
        each.version,
        each.changedBy,
        localTime(each.changedAt),
      ]);
      if (options.json) printJson(found);
      else
        printTable(environment, ['template', 'version', 'changed by', 'changed'], rows, 'There are no overrides here.');
    });
}

function setCommand(environment: CliEnvironment): Command {
  return withCommonFlags(
    new Command('set').description('replace a template of a Task type for an entity, or patch a manifest'),
  )
    .argument('<kind>', kindHelp)
    .argument('<entity>', 'name or id')
    .argument('<task-type/template>', templateHelp)
    .argument('[@file]', 'the new text; without it, or with -, standard input')
    .action(async (kind: string, name: string, template: string, file: string | undefined, options: CommonFlags) => {
      const changed = await put(environment, options, [kind, name, template], readNewText(file ?? '-'));
      if (options.json) printJson(changed ?? {});
      else print(`${template} is overridden for ${kind} ${name}.`);
    });
}

function removeCommand(environment: CliEnvironment): Command {
  return withCommonFlags(new Command('remove').alias('rm').description('go back to what the override replaced'))
    .argument('<kind>', kindHelp)
    .argument('<entity>', 'name or id')
    .argument('<task-type/template>', templateHelp)
    .action(async (kind: string, name: string, template: string, options: CommonFlags) => {
      await put(environment, options, [kind, name, template], null);
      if (options.json) printJson({ removed: template });
      else print(`${template} is not overridden any more for ${kind} ${name}.`);
    });
}

function readNewText(file: string): string {
  if (file !== '-' && !file.startsWith('@')) throw usageError(`Write @ in front of the file: @${file}`);
  try {
    return readText(file);
  } catch (error) {
    throw usageError(errorText(error));
  }
}

function put(
  environment: CliEnvironment,
  options: CommonFlags,
  [kind, name, template]: [kind: string, name: string, template: string],
  text: string | null,
): Promise<OverrideView | undefined> {
  const slash = template.indexOf('/');
  if (slash < 1 || slash === template.length - 1) {
    throw usageError(`"${template}" is not <task-type>/<template>, ${templateHelp}.`);
  }
  const path = pathOf(
    entities[readKind(kind)].plural,
    name,
    'overrides',
    template.slice(0, slash),
    template.slice(slash + 1),
  );
  return connect(environment, options).put<OverrideView | undefined>(path, { text });
}
