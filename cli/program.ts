// The tree of commands. What depends on the API (custom fields, fields of an Operation) is fetched before the flags are
// read, for the one command that needs it.

import { parseArgs } from 'node:util';
import { Command } from 'commander';
import { type EntityKind, entities, entityKinds } from '../model/entities.ts';
import { errorText } from '../model/errors.ts';
import { auditCommand } from './commands/audit.ts';
import { catalogueCommand } from './commands/catalogue.ts';
import { decideCommand, prepareDecision } from './commands/decide.ts';
import { driftCommand } from './commands/drift.ts';
import { entityCommand } from './commands/entity.ts';
import { fieldCommand } from './commands/field.ts';
import { keysCommand } from './commands/keys.ts';
import { locksCommand } from './commands/locks.ts';
import { logsCommand } from './commands/logs.ts';
import { needsCommand } from './commands/needs.ts';
import { cancelCommand, operationCommand } from './commands/operation.ts';
import { overrideCommand } from './commands/override.ts';
import { personCommand } from './commands/person.ts';
import { prepareResume, resumeCommand } from './commands/resume.ts';
import { rolloutCommand } from './commands/rollout.ts';
import { prepareRun, runCommand } from './commands/run.ts';
import { signInCommand, signOutCommand } from './commands/sign-in.ts';
import { statusCommand } from './commands/status.ts';
import { taskCommand } from './commands/task.ts';
import { terraformCommand } from './commands/terraform.ts';
import { tokenCommand } from './commands/token.ts';
import { builtInDefinition, connect, type KindDefinition, loadDefinition } from './connection.ts';
import type { CliEnvironment } from './environment.ts';
import { note } from './output.ts';

/** `delete` neither takes nor prints fields; anything else is a mistake that needs no API to be told. */
const verbsWithFields = ['list', 'ls', 'show', 'create', 'edit'];

export async function buildProgram(environment: CliEnvironment, words: string[]): Promise<Command> {
  const [first = ''] = words;
  const definition = await definitionFor(environment, first, words);
  const rest = words.slice(1);
  const prepare = <T>(name: string, load: (environment: CliEnvironment, words: string[]) => Promise<T | null>) =>
    first === name ? prepared(() => load(environment, rest), rest) : null;
  const run = await prepare('run', prepareRun);
  const decision = await prepare('decide', prepareDecision);
  const resume = await prepare('resume', prepareResume);
  const program = new Command('aegir')
    .description('Hosting of many sites, from the terminal.')
    .helpCommand('help [command]', 'the same as --help')
    // The script ./aegir starts these: they need the data, not the API.
    .addHelpText(
      'after',
      '\nAegir itself: `aegir backup <file>` puts it into one file, `aegir restore <file>` brings it back.',
    );

  program.commandsGroup('This installation:');
  program.addCommand(statusCommand(environment));
  program.addCommand(signInCommand(environment)).addCommand(signOutCommand(environment));
  program.addCommand(personCommand(environment));
  program.addCommand(tokenCommand(environment)).addCommand(keysCommand(environment));
  program.commandsGroup('The model:');
  for (const kind of entityKinds) {
    program.addCommand(entityCommand(environment, definition?.kind === kind ? definition : builtInDefinition(kind)));
  }
  program.addCommand(fieldCommand(environment)).addCommand(overrideCommand(environment));
  program.commandsGroup('Operations and Actions:');
  program.addCommand(runCommand(environment, run)).addCommand(operationCommand(environment));
  program.addCommand(logsCommand(environment)).addCommand(cancelCommand(environment));
  program.addCommand(decideCommand(environment, decision)).addCommand(resumeCommand(environment, resume));
  program.addCommand(locksCommand(environment)).addCommand(rolloutCommand(environment));
  program.addCommand(terraformCommand(environment));
  program.addCommand(needsCommand(environment));
  program.addCommand(driftCommand(environment));
  program.addCommand(taskCommand(environment)).addCommand(catalogueCommand(environment));
  program.addCommand(auditCommand(environment));
  return program;
}

async function definitionFor(
  environment: CliEnvironment,
  first: string,
  words: string[],
): Promise<KindDefinition | null> {
  const kind: EntityKind | undefined = entityKinds.find(each => first === each || first === entities[each].plural);
  if (kind === undefined || !verbsWithFields.includes(words[1] ?? '')) return null;
  const { values } = parseArgs({
    args: words,
    strict: false,
    allowPositionals: true,
    options: { url: { type: 'string' }, token: { type: 'string' } },
  });
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  const load = () => loadDefinition(connect(environment, { url: text(values.url), token: text(values.token) }), kind);
  return asksForHelp(words) ? orNote(load, 'custom fields') : load();
}

function prepared<T>(load: () => Promise<T | null>, words: string[]): Promise<T | null> {
  return asksForHelp(words) ? orNote(load, 'the fields of Operations') : load();
}

/** Help must not fail because Aegir cannot be reached: it says less. */
async function orNote<T>(load: () => Promise<T>, missing: string): Promise<T | null> {
  try {
    return await load();
  } catch (error) {
    note(`Without ${missing}: ${errorText(error)}\n`);
    return null;
  }
}

function asksForHelp(words: string[]): boolean {
  return words.includes('--help') || words.includes('-h');
}
