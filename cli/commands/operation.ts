// `aegir operation list|show` and `aegir cancel`.

import { Command, Option } from 'commander';
import type { OperationSummary, OperationView, TaskView } from '../../api/contract.ts';
import { type CancelChoice, cancelChoices } from '../../model/attention.ts';
import { isOver, operationStates, summaryOf } from '../../model/run.ts';
import { openQuestions, renderHeld, renderQuestion, renderWaiting } from '../attention.ts';
import { type Client, pathOf } from '../client.ts';
import { type CommonFlags, connect, findId, readKind, withCommonFlags } from '../connection.ts';
import { renderPairs } from '../entity-page.ts';
import type { CliEnvironment } from '../environment.ts';
import { usageError } from '../exit.ts';
import { operationPage } from '../follow-report.ts';
import { readCount } from '../numbers.ts';
import { renderOperations } from '../operation-table.ts';
import { duration, localTime, note, print, printJson, stateWords } from '../output.ts';
import { renderTable } from '../table.ts';
import { printable } from '../text.ts';

/** A screenful or two: older ones are asked for with --limit. */
const defaultLimit = 50;

interface ListFlags extends CommonFlags {
  state?: string;
  subject?: string;
  type?: string;
  limit: number;
}

export function operationCommand(environment: CliEnvironment): Command {
  const command = new Command('operation').alias('operations').description('Operations: list, show');
  const list = withCommonFlags(new Command('list').alias('ls').description('list Operations, newest first'))
    .option('--state <state>', `only those in this state (${operationStates.join(', ')})`)
    .option('--subject <kind/name>', 'only those on this entity, by kind/name or id')
    .option('--type <operation-type>', 'only those of this type')
    .option('--limit <number>', 'no more than these', readCount, defaultLimit)
    .action((options: ListFlags) => listOperations(environment, options));
  const show = withCommonFlags(new Command('show').description('show one Operation with its steps'))
    .argument('<operation>', 'id')
    .action(async (id: string, options: CommonFlags) => {
      const client = connect(environment, options);
      const operation = await client.get<OperationView>(pathOf('operations', id));
      if (options.json) printJson(operation);
      else print(renderOperation(environment, client, operation));
    });
  return command.addCommand(list).addCommand(show);
}

export function cancelCommand(environment: CliEnvironment): Command {
  return withCommonFlags(new Command('cancel').description('cancel an Operation; harmless when it is over'))
    .argument('<operation>', 'id')
    .addOption(
      new Option('--choice <choice>', 'what becomes of finished steps; ask: say so when it has stopped')
        .choices(cancelChoices)
        .default('ask' satisfies CancelChoice),
    )
    .action(async (id: string, options: CommonFlags & { choice: CancelChoice }) => {
      const client = connect(environment, options);
      const { choice } = options;
      const operation = await client.post<OperationSummary>(
        pathOf('operations', id, 'cancel'),
        {},
        { query: { choice } },
      );
      if (options.json) printJson(operation);
      else if (operation.endedAt !== null) print(`Operation ${id} is over already: ${operation.state}.`);
      else {
        const next = choice === 'ask' ? ' When it has stopped it may ask whether to undo what is done.' : '';
        print(`Operation ${id} is being cancelled.${next}\n${operationPage(client, id)}`);
      }
    });
}

async function listOperations(environment: CliEnvironment, options: ListFlags): Promise<void> {
  const client = connect(environment, options);
  const subject = options.subject === undefined ? undefined : await subjectId(client, options.subject);
  const query = { state: options.state, type: options.type, subject };
  const operations = await client.all<OperationSummary>(pathOf('operations'), query, options.limit);
  if (options.json) printJson(operations);
  else if (operations.length === 0) note('There are no Operations here.');
  else print(renderOperations(environment, operations));
}

async function subjectId(client: Client, word: string): Promise<string> {
  const slash = word.indexOf('/');
  if (slash === 0 || slash === word.length - 1) throw usageError(`"${word}" is not kind/name.`);
  return slash < 0 ? word : findId(client, readKind(word.slice(0, slash)), word.slice(slash + 1));
}

function renderOperation(environment: CliEnvironment, client: Client, operation: OperationView): string {
  const rows: [string, string][] = [
    ['Id', operation.id],
    ['Type', operation.type],
    ['On', `${operation.subject.kind}/${operation.subject.name}`],
    ['State', stateWords(operation.state)],
    ...renderWaiting(operation).map((line): [string, string] => ['Waiting', line]),
    ...(isCancelling(operation) ? [['Cancelled by', operation.cancelRequestedBy] satisfies [string, string]] : []),
    ...(operation.message ? [['Message', operation.message] satisfies [string, string]] : []),
    ...(operation.exitCode === null ? [] : [['Exit code', String(operation.exitCode)] satisfies [string, string]]),
    ...(operation.reason ? [['Reason', operation.reason] satisfies [string, string]] : []),
    ['Started by', operation.startedBy],
    ['Started', localTime(operation.startedAt)],
    ['Took', duration(operation.startedAt, operation.endedAt) || '–'],
    ...(operation.attempt > 1 ? [['Attempt', String(operation.attempt)] satisfies [string, string]] : []),
    ...renderHeld(operation).map((line): [string, string] => ['Holds', line]),
    ['Page', operationPage(client, operation.id)],
    ['Console', operation.console],
  ];
  const header = ['step', 'state', 'took', 'tries', 'task', 'message'];
  const steps = renderTable(header, operation.tasks.map(taskRow), environment.width);
  const questions = openQuestions(operation).map(
    question => `${printable(renderQuestion(question, operation).join('\n'))}\n\n`,
  );
  const resume = isResumable(operation) ? `\nGo on with it: ./aegir resume ${operation.id}\n` : '';
  return `${operation.title}\n\n${renderPairs(rows)}\n${questions.join('')}${steps}${resume}`;
}

function isCancelling({ state, cancelRequestedBy }: OperationView): boolean {
  return cancelRequestedBy !== '' && !isOver(state);
}

function isResumable({ state, parent }: OperationView): boolean {
  return parent === null && (state === 'failed' || state === 'cancelled');
}

function taskRow(task: TaskView): unknown[] {
  const took = duration(task.startedAt, task.endedAt);
  return [
    `${'· '.repeat(task.depth)}${task.title}`,
    task.state,
    took,
    task.attempts.length,
    task.id,
    summaryOf(task) || task.message,
  ];
}
