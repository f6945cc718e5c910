// `aegir <kind> list|show|create|edit|delete`, made from the definitions of the kind's fields.

import { Command } from 'commander';
import type { ListedEntity } from '../../api/contract.ts';
import type { Entity, EntityKind } from '../../model/entities.ts';
import type { FieldSpec } from '../../model/fields.ts';
import { type Client, pathOf, type Query } from '../client.ts';
import {
  type CommonFlags,
  connect,
  findEntity,
  findId,
  type KindDefinition,
  nameOf,
  namesOfKind,
  withCommonFlags,
} from '../connection.ts';
import { renderEntity, renderReasons } from '../entity-page.ts';
import type { CliEnvironment } from '../environment.ts';
import { usageError } from '../exit.ts';
import { addFieldFlags, type FieldFlag, readFieldFlags } from '../flags.ts';
import { readCount } from '../numbers.ts';
import { print, printJson, printTable, provenWords } from '../output.ts';
import { readValues } from '../values.ts';
import { addFileCommands, fileVerbs } from './files.ts';
import { addPushCommand } from './pushes.ts';
import { addDeliveryCommands, deliveryVerbs } from './receivers.ts';
import { retentionCommand, retentionVerb } from './retention.ts';
import { addScheduleCommands, scheduleVerbs } from './schedule.ts';
import { addSecretCommand } from './secret.ts';

export function entityCommand(environment: CliEnvironment, definition: KindDefinition): Command {
  const command = new Command(definition.kind)
    .alias(definition.plural)
    .description(`${definition.titlePlural}: ${verbsOf(definition).join(', ')}`);
  command.addCommand(listCommand(environment, definition));
  command.addCommand(showCommand(environment, definition));
  if (definition.hasFile) addFileCommands(environment, command, definition);
  if (definition.kind === 'schedule') addScheduleCommands(environment, command);
  if (definition.kind === 'environment') command.addCommand(retentionCommand(environment));
  if (definition.madeOn && !definition.edited) return command;
  command.addCommand(editCommand(environment, definition));
  if (definition.single || definition.madeOn) return command;
  command.addCommand(createCommand(environment, definition));
  command.addCommand(deleteCommand(environment, definition));
  if (definition.hasDeliveries) addDeliveryCommands(environment, command);
  if (definition.hasPushes) addPushCommand(environment, command);
  addSecretCommand(environment, command, definition);
  return command;
}

const moreVerbs: Partial<Record<EntityKind, string[]>> = { schedule: scheduleVerbs, environment: [retentionVerb] };

function verbsOf({ kind, single, madeOn, hasFile, edited, hasDeliveries, hasPushes }: KindDefinition): string[] {
  if (hasFile) return ['list', 'show', ...fileVerbs];
  if (madeOn) return ['list', 'show', ...(edited ? ['edit'] : [])];
  if (single) return ['list', 'show', 'edit'];
  const more = [...(moreVerbs[kind] ?? []), ...(hasDeliveries ? deliveryVerbs : []), ...(hasPushes ? ['pushes'] : [])];
  return ['list', 'show', 'create', 'edit', 'delete', ...more];
}

function listCommand(environment: CliEnvironment, definition: KindDefinition): Command {
  const command = withCommonFlags(new Command('list').alias('ls').description(`list ${definition.titlePlural}`))
    .option('--state <state>', `only those in this state (${definition.states.join(', ')})`)
    .option('--search <text>', 'only those in whose name or fields this text stands')
    .option('--limit <number>', 'no more than these', readCount);
  const filters = [...definition.fields, ...definition.resultFields, ...definition.customFields].filter(isPlain);
  const flags = addFieldFlags(command, filters, false);
  return command.action(async (options: CommonFlags & { state?: string; search?: string; limit?: number }) => {
    const client = connect(environment, options);
    const query: Query = { state: options.state, search: options.search };
    Object.assign(query, await readFilters(client, command, flags, definition));
    const found = await client.all<ListedEntity>(pathOf(definition.plural), query, options.limit);
    if (options.json) printJson(found);
    else await printList(environment, client, definition, found);
  });
}

function showCommand(environment: CliEnvironment, definition: KindDefinition): Command {
  const command = withCommonFlags(new Command('show').description(`show one ${definition.title}`));
  return command.argument('<name>', 'name or id').action(async (name: string, options: CommonFlags) => {
    const entity = await findEntity(connect(environment, options), definition.kind, name);
    if (options.json) printJson(entity);
    else print(renderEntity(environment, definition, entity));
  });
}

function createCommand(environment: CliEnvironment, definition: KindDefinition): Command {
  const command = withCommonFlags(new Command('create').description(`create ${withArticle(definition.title)}`));
  const flags = fieldFlags(command, definition, true);
  return command.action(async (options: CommonFlags) => {
    const client = connect(environment, options);
    const body = { values: {}, fields: {}, ...(await readBody(command, flags, definition)) };
    const created = await client.post<Entity>(pathOf(definition.plural), body);
    if (options.json) printJson(created);
    else
      print(
        `${definition.title} ${nameOf(created)} is created (${created.id}).\n${renderReasons(definition, created)}`,
      );
  });
}

function editCommand(environment: CliEnvironment, definition: KindDefinition): Command {
  const command = withCommonFlags(
    new Command('edit').description(`change fields of ${withArticle(definition.title)}; --field= empties one`),
  ).argument('<name>', 'name or id');
  const flags = fieldFlags(command, definition, false);
  return command.action(async (name: string, options: CommonFlags) => {
    const client = connect(environment, options);
    const body = await readBody(command, flags, definition);
    if (Object.keys(body).length === 0) throw usageError('Nothing to change: give at least one field as a flag.');
    const changed = await client.patch<Entity>(pathOf(definition.plural, name), body);
    if (options.json) printJson(changed);
    else print(`${definition.title} ${nameOf(changed)} is changed.`);
  });
}

function deleteCommand(environment: CliEnvironment, definition: KindDefinition): Command {
  const command = withCommonFlags(
    new Command('delete')
      .alias('rm')
      .description(
        `delete ${withArticle(definition.title)} that nothing uses from the model; on servers, \`run\` removes it`,
      ),
  );
  return command.argument('<name>', 'name or id').action(async (name: string, options: CommonFlags) => {
    await connect(environment, options).delete(pathOf(definition.plural, name));
    if (options.json) printJson({ deleted: name });
    else print(`${definition.title} ${name} is deleted.`);
  });
}

function fieldFlags(command: Command, { fields, customFields, edited }: KindDefinition, demand: boolean): FieldFlag[] {
  const asked = edited ? fields.filter(({ name }) => edited.includes(name)) : [...fields, ...customFields];
  return addFieldFlags(command, asked, demand);
}

async function readBody(command: Command, flags: FieldFlag[], definition: KindDefinition) {
  const given = await readValues(readFieldFlags(command, flags));
  const custom = new Set(definition.customFields.map(field => field.name));
  const part = (isCustom: boolean) => Object.entries(given).filter(([name]) => custom.has(name) === isCustom);
  const [values, fields] = [part(false), part(true)];
  return {
    ...(values.length > 0 ? { values: Object.fromEntries(values) } : {}),
    ...(fields.length > 0 ? { fields: Object.fromEntries(fields) } : {}),
  };
}

async function readFilters(client: Client, command: Command, flags: FieldFlag[], definition: KindDefinition) {
  const given = await readValues(readFieldFlags(command, flags), (kind, name) => findId(client, kind, name));
  const custom = new Set(definition.customFields.map(field => field.name));
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [custom.has(name) ? `fields.${name}` : name, String(value ?? '')]),
  );
}

async function printList(
  environment: CliEnvironment,
  client: Client,
  definition: KindDefinition,
  found: ListedEntity[],
) {
  const columns = [...definition.fields, ...definition.resultFields].filter(field =>
    definition.listed.includes(field.name),
  );
  const names = await referredNames(client, columns, found);
  const cell = (entity: Entity, field: FieldSpec) => {
    const value = entity.values[field.name];
    return field.type === 'reference' ? (names.get(String(value)) ?? value) : value;
  };
  const update = found.some(entity => entity.update) ? ['update available'] : [];
  const proven = found.some(entity => entity.proven !== undefined) ? ['proven backup'] : [];
  const header = ['name', 'state', ...columns.map(field => field.label ?? field.name), ...proven, ...update];
  const rows = found.map(entity => [
    nameOf(entity),
    entity.state,
    ...columns.map(field => cell(entity, field)),
    ...proven.map(() => provenWords(entity)),
    ...update.map(() => entity.update?.name ?? ''),
  ]);
  printTable(environment, header, rows, `There are no ${definition.titlePlural} here.`);
}

async function referredNames(client: Client, columns: FieldSpec[], found: Entity[]): Promise<Map<string, string>> {
  const used = columns.filter(field => found.some(entity => entity.values[field.name]));
  const kinds = [...new Set(used.flatMap(field => (field.to === undefined ? [] : [field.to])))];
  const maps = await Promise.all(kinds.map((kind: EntityKind) => namesOfKind(client, kind)));
  return new Map(maps.flatMap(map => [...map]));
}

/** One short value: what a list can show and filter by. */
function isPlain(field: FieldSpec): boolean {
  return !field.secret && !['list', 'dict', 'raw', 'json', 'jsonarg'].includes(field.type);
}

function withArticle(title: string): string {
  return `${/^[AEIOU]/.test(title) ? 'an' : 'a'} ${title}`;
}
