// `aegir run <operation-type> <entity> [--field value …]`: the flags are the fields of the form. An Action is run the same way.

import { parseArgs } from 'node:util';
import { Command } from 'commander';
import type { CatalogueView, DryRunView, EntityView, FormView, OperationView } from '../../api/contract.ts';
import { entities } from '../../model/entities.ts';
import type { OperationType } from '../../model/operation-type.ts';
import { type Client, pathOf } from '../client.ts';
import { type CommonFlags, connect, findEntity, isKind, nameOf, readKind, withCommonFlags } from '../connection.ts';
import { renderDryRun } from '../diff.ts';
import type { CliEnvironment } from '../environment.ts';
import { usageError } from '../exit.ts';
import { addFieldFlags, readFieldFlags } from '../flags.ts';
import { followAndReport, operationPage } from '../follow-report.ts';
import { readPriority } from '../numbers.ts';
import { note, print, printJson } from '../output.ts';
import { ask } from '../prompt.ts';
import { suggest } from '../suggest.ts';
import { readValues } from '../values.ts';
import { runAction } from './action.ts';

/** What is known about a run before its flags can be read. */
export interface PreparedRun {
  type: OperationType;
  subject?: { entity: EntityView; form: FormView };
}

interface RunFlags extends CommonFlags {
  follow?: boolean;
  reason?: string;
  dryRun?: boolean;
  priority?: number;
  yes?: boolean;
}

/** Looks at the type and the entity in front of the other flags; null when not even a type is given. */
export async function prepareRun(environment: CliEnvironment, words: string[]): Promise<PreparedRun | null> {
  const { values, positionals } = parseArgs({
    args: words,
    strict: false,
    allowPositionals: true,
    options: {
      url: { type: 'string' },
      token: { type: 'string' },
      reason: { type: 'string' },
      priority: { type: 'string' },
      follow: { type: 'boolean', short: 'f' },
      yes: { type: 'boolean', short: 'y' },
      'dry-run': { type: 'boolean' },
      json: { type: 'boolean' },
    },
  });
  const [typeName, entityName] = positionals;
  if (typeName === undefined) return null;
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  const client = connect(environment, { url: text(values.url), token: text(values.token) });
  const type = await findType(client, typeName);
  if (entityName === undefined) return { type };
  const entity = await findSubject(client, type, entityName);
  const path = pathOf(entities[type.on].plural, entity.id, 'operation-types', type.name, 'form');
  const input = chosenReferences(type, words);
  const isChosen = Object.keys(input).length > 0;
  const form = await client.get<FormView>(path, isChosen ? { input: JSON.stringify(input) } : undefined);
  return { type, subject: { entity, form } };
}

/** What they name may bring further questions, which are flags too. */
function chosenReferences({ fields }: OperationType, words: string[]): Record<string, string> {
  const references = fields.filter(field => field.type === 'reference');
  const flagOf = (name: string) => name.replaceAll('_', '-');
  const options = Object.fromEntries(references.map(({ name }) => [flagOf(name), { type: 'string' as const }]));
  const { values } = parseArgs({ args: words, strict: false, options });
  return Object.fromEntries(
    references.flatMap(({ name }) => {
      const value = values[flagOf(name)];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}

export function runCommand(environment: CliEnvironment, prepared: PreparedRun | null): Command {
  const command = withCommonFlags(new Command('run'))
    .description(describe(prepared))
    .argument('<operation-type>', 'see `aegir catalogue`')
    .argument('<entity>', 'name or id, or kind/name')
    .option('-f, --follow', 'show steps and log until it is over; the exit code is its result')
    .option('--reason <text>', 'why, for the audit log')
    .option(
      '--priority <number>',
      'from -10 to 10: higher ones come first where several wait; 0 is usual',
      readPriority,
    )
    .option('--dry-run', 'show what it would change, and do nothing')
    .option('-y, --yes', 'do not ask back');
  command.addHelpText('after', renderHelp(prepared));
  const fields = prepared?.subject?.form.groups.flatMap(group => group.fields) ?? prepared?.type.fields ?? [];
  const flags = addFieldFlags(command, fields, true);
  return command.action(async (typeName: string, entityName: string, options: RunFlags) => {
    const subject = prepared?.subject;
    if (prepared === null || subject === undefined || prepared.type.name !== plainName(typeName)) {
      throw usageError(`Write the Operation type and the entity first: aegir run ${typeName} ${entityName} …`);
    }
    const client = connect(environment, options);
    if (!options.dryRun) await confirm(environment, options, subject);
    const input = await readValues(readFieldFlags(command, flags));
    if (prepared.type.action) return runAction(client, prepared.type, subject.entity.id, { input, json: options.json });
    const { reason, priority, dryRun } = options;
    const request = { input, reason, priority, dryRun };
    const operation = await start(client, prepared.type, subject.entity.id, request);
    await report(environment, client, operation, dryRun ? { ...options, follow: true } : options);
    if (!dryRun || options.json) return;
    const found = await client.get<DryRunView>(pathOf('operations', operation.id, 'differences'));
    print(renderDryRun(found, environment.colours));
  });
}

async function start(
  client: Client,
  type: OperationType,
  id: string,
  request: {
    input: Record<string, unknown>;
    reason: string | undefined;
    priority: number | undefined;
    dryRun: boolean | undefined;
  },
): Promise<OperationView> {
  // What is undefined is left out of JSON.
  const body = { type: type.name, ...request };
  return client.post<OperationView>(pathOf(entities[type.on].plural, id, 'operations'), body, { idempotent: true });
}

async function report(environment: CliEnvironment, client: Client, operation: OperationView, options: RunFlags) {
  if (options.follow) await followAndReport(environment, client, operation.id, options);
  else if (options.json) printJson(operation);
  else print(`Operation ${operation.id} is ${operation.state}.\n${operationPage(client, operation.id)}`);
}

async function findType(client: Client, name: string): Promise<OperationType> {
  const { operationTypes, problems } = await client.get<CatalogueView>(pathOf('catalogue'));
  const plain = plainName(name);
  const type = operationTypes.find(each => each.name === plain);
  if (type !== undefined) return type;
  const names = operationTypes.map(each => each.name);
  const refused = problems.filter(problem => problem.file.includes(plain));
  throw usageError(
    `There is no Operation type "${name}".${suggest(plain, names)} \`aegir catalogue\` lists them.`,
    refused.map(problem => ({ path: `${problem.file}:${problem.line}`, message: problem.message })),
  );
}

/** Also as flags are written: `install-environment`. */
function plainName(word: string): string {
  return word.replaceAll('-', '_');
}

function findSubject(client: Client, type: OperationType, word: string): Promise<EntityView> {
  const slash = word.indexOf('/');
  const [prefix, rest] = [word.slice(0, Math.max(slash, 0)), word.slice(slash + 1)];
  // A Release may be named project/name, which is no kind and a name.
  if (!isKind(prefix)) return findEntity(client, type.on, word);
  const kind = readKind(prefix);
  if (kind !== type.on) throw usageError(`${type.name} runs on: ${type.on}. "${word}" names a ${kind}.`);
  return findEntity(client, kind, rest);
}

/** Asks on a terminal only: a script that says `run` means it. */
async function confirm(
  environment: CliEnvironment,
  options: RunFlags,
  { entity, form }: NonNullable<PreparedRun['subject']>,
): Promise<void> {
  if (form.approval) note(form.approval);
  if (options.yes || !environment.interactive || (form.confirm === null && !form.dangerous)) return;
  for (const line of givenLines(form)) note(line);
  if (form.confirm !== null) note(form.confirm);
  const name = nameOf(entity);
  const answer = await ask(form.dangerous ? `Type "${name}" to go on: ` : `${form.title} ${name}? [y/N] `);
  const agreed = form.dangerous ? answer === name : /^y(es)?$/i.test(answer);
  if (!agreed) throw usageError('Nothing was started.');
}

const givenLines = ({ given }: FormView) => given.map(({ label, name }) => `${label}: ${name}`);

function describe(prepared: PreparedRun | null): string {
  if (prepared === null)
    return 'start an Operation or run an Action; with a type and an entity, --help lists its fields';
  return `${prepared.type.title}: ${prepared.type.description}`;
}

function renderHelp(prepared: PreparedRun | null): string {
  if (prepared?.subject === undefined) return '\nFlags of the fields: aegir run <operation-type> <entity> --help';
  const { form } = prepared.subject;
  const steps = form.steps.map(
    step => `  ${'  '.repeat(step.depth)}${step.title}${step.target ? ` (${step.target})` : ''}`,
  );
  const problems = form.problems.map(problem => `  ${problem.path ? `${problem.path}: ` : ''}${problem.message}`);
  const given = givenLines(form).map(line => `  ${line}`);
  return [
    ...(given.length > 0 ? ['', 'Chosen already:', ...given] : []),
    ...(steps.length > 0 ? ['', 'Steps:', ...steps] : []),
    ...(problems.length > 0 ? ['', 'It cannot be started now:', ...problems] : []),
  ].join('\n');
}
