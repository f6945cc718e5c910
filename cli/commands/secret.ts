// `aegir <kind> new-secret <name> <field>`: a secret that somebody else has to know too, made and shown once.

import { Command } from 'commander';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, type KindDefinition, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { usageError } from '../exit.ts';
import { note, print, printJson } from '../output.ts';

export function addSecretCommand(environment: CliEnvironment, command: Command, definition: KindDefinition): void {
  const fields = definition.fields.filter(field => field.handedOut).map(field => field.name);
  const [only] = fields;
  if (only === undefined) return;
  const make = withCommonFlags(
    new Command('new-secret').description(`make a new ${fields.join(' or ')} and show it, once; the former one ends`),
  )
    .argument('<name>', 'name or id')
    .argument('[field]', `which one (${fields.join(', ')})`, only)
    .action(async (name: string, field: string, options: CommonFlags) => {
      if (!fields.includes(field)) throw usageError(`"${field}" is none of ${fields.join(', ')}.`);
      const path = pathOf(definition.plural, name, 'secrets', field);
      const made = await connect(environment, options).post<{ secret: string }>(path, {});
      if (options.json) printJson(made);
      else {
        note('It is not shown again.');
        print(made.secret);
      }
    });
  command.addCommand(make);
}
