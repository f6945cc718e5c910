// `aegir decide <operation> retry|skip|undo|leave|approve|reject [--field value …]`: answers an Operation that needs attention. The flags are
// the fields of the steps that have failed.

import { Argument, Command } from 'commander';
import type { AttentionView, OperationView } from '../../api/contract.ts';
import { type Choice, choices } from '../../model/attention.ts';
import { openQuestions, renderQuestion } from '../attention.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { usageError } from '../exit.ts';
import { inputsOf, mergeFields, renderPresent } from '../failed-fields.ts';
import { addFieldFlags, readFieldFlags } from '../flags.ts';
import { followAndReport, operationPage } from '../follow-report.ts';
import { print, printJson, stateWords } from '../output.ts';
import { readTarget } from '../target.ts';
import { readValues } from '../values.ts';

interface DecideFlags extends CommonFlags {
  follow?: boolean;
  task?: string;
  reason?: string;
}

/** The Operation in front of the other flags; null when none is given. */
export async function prepareDecision(environment: CliEnvironment, words: string[]): Promise<OperationView | null> {
  const { id, flags } = readTarget(words);
  return id === undefined ? null : connect(environment, flags).get<OperationView>(pathOf('operations', id));
}

export function decideCommand(environment: CliEnvironment, operation: OperationView | null): Command {
  const failed = operation ? openQuestions(operation).flatMap(question => question.failed) : [];
  const command = withCommonFlags(new Command('decide'))
    .description('answer an Operation that needs attention; with the Operation, --help lists the fields of a retry')
    .argument('<operation>', 'id')
    .addArgument(new Argument('<choice>', 'how to go on').choices(choices))
    .option('-f, --follow', 'show steps and log until it is over; the exit code is its result')
    .option('--reason <text>', 'why, for the others; a rejection needs it')
    .option('--task <id>', 'the one failed Task whose fields are meant, where several have failed');
  command.addHelpText('after', renderHelp(operation));
  const flags = addFieldFlags(command, mergeFields(failed), false);
  return command.action(async (id: string, choice: Choice, options: DecideFlags) => {
    if (operation?.id !== id) throw usageError(`Write the Operation first: aegir decide ${id} ${choice} …`);
    const client = connect(environment, options);
    const question = onlyQuestion(operation);
    const inputs = inputsOf(question.failed, await readValues(readFieldFlags(command, flags)), options.task);
    const body = { attention: question.id, choice, inputs, reason: options.reason };
    const decided = await client.post<OperationView>(pathOf('operations', question.operation, 'decisions'), body);
    if (options.follow) await followAndReport(environment, client, id, { ...options, seen: operation });
    else if (options.json) printJson(decided);
    else print(`Operation ${id} goes on: ${choice}.\n${operationPage(client, id)}`);
  });
}

function onlyQuestion(operation: OperationView): AttentionView {
  const [question, ...others] = openQuestions(operation);
  if (!question) {
    const decided = operation.attentions.length > 0 ? ' It is decided already, and goes on.' : '';
    throw usageError(`Operation ${operation.id} asks nothing: it is ${stateWords(operation.state)}.${decided}`);
  }
  if (others.length === 0) return question;
  const each = [question, ...others].map(one => ({ path: `./aegir decide ${one.operation} …`, message: one.message }));
  throw usageError('It asks more than one thing. Decide each by its own Operation:', each);
}

function renderHelp(operation: OperationView | null): string {
  if (operation === null) return '';
  const questions = openQuestions(operation);
  return questions
    .map(question => ['', ...renderQuestion(question, operation), renderPresent(question.failed)].join('\n'))
    .join('\n');
}
