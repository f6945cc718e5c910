// `aegir field list|add|delete`: definitions of custom fields. What they hold is set with the entity itself.

import { Command, Option } from 'commander';
import type { FieldDefinition } from '../../api/contract.ts';
import { type EntityKind, entities, entityKinds } from '../../model/entities.ts';
import { errorText, type Problem } from '../../model/errors.ts';
import { type FieldFormat, type FieldType, fieldFormats, fieldTypes } from '../../model/fields.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, readKind, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { usageError } from '../exit.ts';
import { print, printJson, printTable } from '../output.ts';
import { suggest } from '../suggest.ts';
import { readScalar } from '../values.ts';

interface AddFlags extends CommonFlags {
  type: FieldType;
  label?: string;
  helpText?: string;
  required?: boolean;
  default?: string;
  choices?: string;
  secret?: boolean;
  elements?: FieldType;
  to?: EntityKind;
  format?: FieldFormat;
}

export function fieldCommand(environment: CliEnvironment): Command {
  const command = new Command('field').alias('fields').description('custom fields of entities: list, add, delete');
  return command
    .addCommand(listCommand(environment))
    .addCommand(addCommand(environment))
    .addCommand(deleteCommand(environment));
}

function listCommand(environment: CliEnvironment): Command {
  return withCommonFlags(new Command('list').alias('ls').description('list custom fields'))
    .argument('[kind]', `of this kind only: ${entityKinds.join(', ')}`)
    .action(async (word: string | undefined, options: CommonFlags) => {
      const kind = word === undefined ? undefined : readKind(word);
      const found = await loadFields(environment, options, kind);
      const rows = found.map(field => [
        field.entityKind,
        field.name,
        field.type,
        field.label,
        field.required ?? false,
        field.default,
        field.choices,
        field.secret ?? false,
      ]);
      const header = ['kind', 'name', 'type', 'label', 'required', 'default', 'choices', 'secret'];
      if (options.json) printJson(found);
      else printTable(environment, header, rows, 'There are no custom fields.');
    });
}

function addCommand(environment: CliEnvironment): Command {
  return withCommonFlags(new Command('add').description('add a custom field to a kind of entity'))
    .argument('<kind>', entityKinds.join(', '))
    .argument('<name>', 'as in `fields.<name>`: lower case, digits and _')
    .addOption(new Option('--type <type>', 'what it holds').choices(fieldTypes).default('str'))
    .option('--label <text>', 'name on pages and forms')
    .option('--help-text <text>', 'explanation under it')
    .option('--required', 'it must have a value')
    .option('--default <value>', 'value of what does not set it')
    .option('--choices <a,b,…>', 'the only values that it takes')
    .option('--secret', 'sealed when stored, masked everywhere')
    .addOption(new Option('--elements <type>', 'type of the elements of a list').choices(fieldTypes))
    .addOption(new Option('--to <kind>', 'kind that a reference names').choices(entityKinds))
    .addOption(new Option('--format <format>', 'shape of a string').choices(fieldFormats))
    .action(async (kind: string, name: string, options: AddFlags) => {
      const body = { entityKind: readKind(kind), name, ...readSpec(options) };
      const added = await connect(environment, options).post<FieldDefinition>(pathOf('field-definitions'), body);
      if (options.json) printJson(added);
      else print(`${entities[added.entityKind].titlePlural} have the field ${added.name} now.`);
    });
}

function deleteCommand(environment: CliEnvironment): Command {
  return withCommonFlags(
    new Command('delete')
      .alias('rm')
      .description('remove a custom field; what entities hold in it is kept, out of sight'),
  )
    .argument('<kind>', entityKinds.join(', '))
    .argument('<name>', 'its name or id')
    .action(async (word: string, name: string, options: CommonFlags) => {
      const kind = readKind(word);
      const found = await loadFields(environment, options, kind);
      const field = found.find(each => each.name === name || each.id === name);
      if (field === undefined) {
        const names = found.map(each => each.name);
        throw usageError(`${entities[kind].titlePlural} have no custom field "${name}".${suggest(name, names)}`);
      }
      await connect(environment, options).delete(pathOf('field-definitions', field.id));
      if (options.json) printJson({ deleted: field.id });
      else print(`${entities[kind].titlePlural} do not have the field ${field.name} any more.`);
    });
}

async function loadFields(environment: CliEnvironment, options: CommonFlags, kind: EntityKind | undefined) {
  const all = await connect(environment, options).get<FieldDefinition[]>(pathOf('field-definitions'));
  return all.filter(field => kind === undefined || field.entityKind === kind);
}

function readSpec(options: AddFlags): Record<string, unknown> {
  const problems: Problem[] = [];
  const type = options.type === 'list' ? (options.elements ?? 'str') : options.type;
  const read = (path: string, text: string, as: FieldType) => {
    try {
      return readScalar(as, text);
    } catch (error) {
      problems.push({ path, message: errorText(error) });
      return null;
    }
  };
  const spec = {
    type: options.type,
    ...(options.label === undefined ? {} : { label: options.label }),
    ...(options.helpText === undefined ? {} : { help: options.helpText }),
    ...(options.required ? { required: true } : {}),
    ...(options.default === undefined ? {} : { default: read('--default', options.default, options.type) }),
    ...(options.choices === undefined
      ? {}
      : { choices: options.choices.split(',').map(choice => read('--choices', choice.trim(), type)) }),
    ...(options.secret ? { secret: true } : {}),
    ...(options.elements === undefined ? {} : { elements: options.elements }),
    ...(options.to === undefined ? {} : { to: options.to }),
    ...(options.format === undefined ? {} : { format: options.format }),
  };
  if (problems.length > 0) throw usageError('These flags cannot be read.', problems);
  return spec;
}
