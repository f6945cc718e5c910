// `aegir resume <operation> [--field value …]`: a further attempt at what has failed or was cancelled. Finished steps are not
// run again; what will run is said before.

import { Command } from 'commander';
import type { OperationView, ResumeView } from '../../api/contract.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { usageError } from '../exit.ts';
import { inputsOf, mergeFields, renderPresent } from '../failed-fields.ts';
import { addFieldFlags, readFieldFlags } from '../flags.ts';
import { followAndReport, operationPage } from '../follow-report.ts';
import { localTime, note, print, printJson, stateWords } from '../output.ts';
import { ask } from '../prompt.ts';
import { readTarget } from '../target.ts';
import { printable } from '../text.ts';
import { readValues } from '../values.ts';

interface ResumeFlags extends CommonFlags {
  follow?: boolean;
  yes?: boolean;
  task?: string;
}

export interface PreparedResume {
  id: string;
  view: ResumeView;
}

/** The Operation in front of the other flags; null when none is given. */
export async function prepareResume(environment: CliEnvironment, words: string[]): Promise<PreparedResume | null> {
  const { id, flags } = readTarget(words);
  if (id === undefined) return null;
  return { id, view: await connect(environment, flags).get<ResumeView>(pathOf('operations', id, 'resume')) };
}

export function resumeCommand(environment: CliEnvironment, prepared: PreparedResume | null): Command {
  const command = withCommonFlags(new Command('resume'))
    .description('go on with a failed or cancelled Operation; with the Operation, --help lists what would run')
    .argument('<operation>', 'id')
    .option('-f, --follow', 'show steps and log until it is over; the exit code is its result')
    .option('-y, --yes', 'do not ask back')
    .option('--task <id>', 'the one failed Task whose fields are meant, where several have failed');
  const failed = prepared?.view.tasks ?? [];
  if (prepared) command.addHelpText('after', `\n${renderPreview(prepared.view).join('\n')}${renderPresent(failed)}`);
  const flags = addFieldFlags(command, mergeFields(failed), false);
  return command.action(async (id: string, options: ResumeFlags) => {
    if (prepared?.id !== id) throw usageError(`Write the Operation first: aegir resume ${id} …`);
    if (prepared.view.refusal) throw usageError(prepared.view.refusal);
    const inputs = inputsOf(failed, await readValues(readFieldFlags(command, flags)), options.task);
    await confirm(environment, options, prepared.view);
    const client = connect(environment, options);
    const resumed = await client.post<OperationView>(pathOf('operations', id, 'resume'), { inputs });
    if (options.follow) await followAndReport(environment, client, id, { ...options, seen: resumed });
    else if (options.json) printJson(resumed);
    else
      print(
        `Operation ${id} is ${stateWords(resumed.state)}, attempt ${resumed.attempt}.\n${operationPage(client, id)}`,
      );
  });
}

/** Asks on a terminal only: a script that says `resume` means it. */
async function confirm(environment: CliEnvironment, options: ResumeFlags, view: ResumeView): Promise<void> {
  if (!options.json) note(renderPreview(view).join('\n'));
  if (options.yes || !environment.interactive) return;
  if (!/^y(es)?$/i.test(await ask('Resume it? [y/N] '))) throw usageError('Nothing was started.');
}

function renderPreview(view: ResumeView): string[] {
  if (view.refusal) return [view.refusal];
  const list = (steps: ResumeView['steps']) =>
    steps.map(({ title, target }) => `  ${title}${target ? ` (${target})` : ''}`);
  const done = view.steps.filter(({ runs }) => !runs);
  const since = view.since.map(
    other => `  ${other.title}: ${stateWords(other.state)}, by ${other.startedBy} at ${localTime(other.createdAt)}`,
  );
  return [
    'Will run:',
    ...list(view.steps.filter(({ runs }) => runs)),
    ...(done.length > 0 ? ['Finished, will not run again:', ...list(done)] : []),
    ...(since.length > 0 ? ['Others have worked on the same since:', ...since] : []),
  ].map(printable);
}
