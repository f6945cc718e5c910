// `aegir rollout`: one Operation type over many, in waves.

import { Command } from 'commander';
import type { RolloutItemView, RolloutPreview, RolloutSummary, RolloutView } from '../../api/contract-rollouts.ts';
import { failuresOf, rolloutFields, rolloutStates, totalOf } from '../../model/rollout.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { CliError, exitCodes } from '../exit.ts';
import { addFieldFlags, readFieldFlags } from '../flags.ts';
import { readCount } from '../numbers.ts';
import { localTime, print, printJson, printTable } from '../output.ts';
import { readValues } from '../values.ts';

export function rolloutCommand(environment: CliEnvironment): Command {
  const command = new Command('rollout')
    .alias('rollouts')
    .description(
      'one Operation type over many, in waves: preview, start, list, show, items, report, and what is said to one',
    );
  command.addCommand(beginCommand(environment, 'preview', 'what it would be about, and what is wrong with it'));
  command.addCommand(beginCommand(environment, 'start', 'begin it; its list is frozen by that'));
  command.addCommand(listCommand(environment)).addCommand(showCommand(environment));
  command.addCommand(itemsCommand(environment)).addCommand(reportCommand(environment));
  for (const [verb, words] of Object.entries(sayings)) command.addCommand(sayCommand(environment, verb, words));
  return command;
}

const sayings = {
  pause: 'begin nothing further; what runs comes to its end',
  resume: 'go on where it stands; with --budget when that is spent',
  pace: 'another number at the same time',
  approve: 'let the next wave begin',
  abort: 'begin nothing further for good',
  retry: 'try only the failed again',
  remove: 'take what has not begun off the list',
  undo: 'take back what it has done, by a Rollout of its own',
};

const typeFlag = 'operation_type';

function beginCommand(environment: CliEnvironment, verb: 'preview' | 'start', words: string): Command {
  const command = withCommonFlags(new Command(verb).description(words)).argument('<operation type>');
  const flags = addFieldFlags(
    command,
    rolloutFields.filter(({ name }) => name !== typeFlag),
    false,
  );
  command.option('--without <ids...>', 'ids to take off the list beforehand');
  return command.action(async (type: string, options: CommonFlags & { without?: string[] }) => {
    const client = connect(environment, options);
    const values = { ...(await readValues(readFieldFlags(command, flags))), [typeFlag]: type };
    const body = { values, without: options.without ?? [] };
    if (verb === 'start') return printOne(options, await client.post<RolloutView>(pathOf('rollouts'), body));
    const preview = await client.post<RolloutPreview>(pathOf('rollouts', 'preview'), body);
    if (options.json) return printJson(preview);
    for (const [index, { count, subjects }] of preview.waves.entries()) {
      const more = count > subjects.length ? ` and ${count - subjects.length} more` : '';
      print(`Wave ${index + 1}: ${count} (${subjects.map(({ name }) => name).join(', ')}${more})`);
    }
    if (preview.approval) print(preview.approval);
    if (preview.unfit > 0) print(`${preview.unfit} more are in a state in which it is not offered.`);
    const problems = preview.problems.map(({ path, message }) => (path ? `${path}: ${message}` : message));
    if (problems.length > 0) throw new CliError(exitCodes.failed, problems.join('\n'));
  });
}

function listCommand(environment: CliEnvironment): Command {
  const command = withCommonFlags(new Command('list').alias('ls').description('Rollouts, newest first'))
    .option('--state <state>', `only those in this state (${rolloutStates.join(', ')})`)
    .option('--limit <number>', 'no more than these', readCount, 50);
  return command.action(async (options: CommonFlags & { state?: string; limit: number }) => {
    const client = connect(environment, options);
    const found = await client.all<RolloutSummary>(pathOf('rollouts'), { state: options.state }, options.limit);
    if (options.json) return printJson(found);
    const rows = found.map(rollout => [
      rollout.id,
      rollout.title,
      rollout.state,
      `${rollout.counts.succeeded}/${totalOf(rollout.counts)}`,
      String(failuresOf(rollout.counts)),
      localTime(rollout.createdAt),
      rollout.startedBy,
    ]);
    printTable(environment, ['id', 'what', 'state', 'done', 'failed', 'when', 'by'], rows, 'There are no Rollouts.');
  });
}

function showCommand(environment: CliEnvironment): Command {
  const command = withCommonFlags(new Command('show').description('where one stands')).argument('<id>');
  return command.action(async (id: string, options: CommonFlags) =>
    printOne(options, await connect(environment, options).get<RolloutView>(pathOf('rollouts', id))),
  );
}

function printOne(options: CommonFlags, rollout: RolloutView): void {
  if (options.json) printJson(rollout);
  else printPlain(rollout);
}

function printPlain(rollout: RolloutView): void {
  const { id, title, state, wave, waves, counts, budget, message } = rollout;
  const said = Object.entries(counts).flatMap(([name, count]) => (count > 0 ? [`${count} ${name}`] : []));
  print(`Rollout ${id}: ${title}, ${state}, wave ${Math.min(wave, waves)} of ${waves}`);
  print(`${said.join(', ')}; it may have ${budget} failures`);
  if (message) print(message);
}

function itemsCommand(environment: CliEnvironment): Command {
  const command = withCommonFlags(new Command('items').description('what one is about, in its order'))
    .argument('<id>')
    .option('--state <state>', 'only those in this state')
    .option('--limit <number>', 'no more than these', readCount, 500);
  return command.action(async (id: string, options: CommonFlags & { state?: string; limit: number }) => {
    const client = connect(environment, options);
    const path = pathOf('rollouts', id, 'items');
    const found = await client.all<RolloutItemView>(path, { state: options.state }, options.limit);
    if (options.json) return printJson(found);
    const rows = found.map(({ wave, subject, state, operation, message }) => [
      String(wave),
      subject.name,
      state,
      operation ?? '',
      message,
    ]);
    printTable(environment, ['wave', 'on', 'state', 'Operation', 'why'], rows, 'Nothing is in this state.');
  });
}

function reportCommand(environment: CliEnvironment): Command {
  const command = withCommonFlags(new Command('report').description('what became of it, as text')).argument('<id>');
  return command.action(async (id: string, options: CommonFlags) => {
    const answer = await connect(environment, options).send('GET', pathOf('rollouts', id, 'report'));
    print((await answer.text()).trimEnd());
  });
}

function sayCommand(environment: CliEnvironment, verb: string, words: string): Command {
  const command = withCommonFlags(new Command(verb).description(words))
    .argument('<id>')
    .option('--reason <text>', 'why, for the others')
    .option('--budget <failures>', 'failures that it may have: a number, or a part such as 5%')
    .option('--at-once <number>', 'at the same time', readCount)
    .option('--per-server <number>', 'at the same time on one Server', readCount)
    .option('--subjects <names...>', 'remove: names or ids');
  type Flags = CommonFlags & {
    reason?: string;
    budget?: string;
    atOnce?: number;
    perServer?: number;
    subjects?: string[];
  };
  return command.action(async (id: string, options: Flags) => {
    const { budget, atOnce, perServer, subjects = [], reason = '' } = options;
    const body = { reason, subjects, settings: { budget, atOnce, perServer } };
    printOne(options, await connect(environment, options).post<RolloutView>(pathOf('rollouts', id, verb), body));
  });
}
