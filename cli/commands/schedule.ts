// `aegir schedule next|runs|run`, beside what every entity has: what comes next, what became of it, now.

import { Command } from 'commander';
import type { Page } from '../../api/contract.ts';
import type { RunNowView, ScheduledRunView, ScheduleEntryView } from '../../api/contract-schedules.ts';
import type { EntityKind } from '../../model/entities.ts';
import { entityKinds } from '../../model/entities.ts';
import { scheduledRunStates } from '../../model/schedule.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { CliError, exitCodes, usageError } from '../exit.ts';
import { readCount } from '../numbers.ts';
import { print, printJson, printTable } from '../output.ts';

export const scheduleVerbs = ['next', 'runs', 'run'];

export function addScheduleCommands(environment: CliEnvironment, command: Command): void {
  command.addCommand(nextCommand(environment));
  command.addCommand(runsCommand(environment));
  command.addCommand(runCommand(environment));
}

function nextCommand(environment: CliEnvironment): Command {
  const command = new Command('next').description('what runs by itself next, soonest first');
  withCommonFlags(command)
    .argument('[schedule]', 'name or id; nothing is all of them')
    .option('--limit <number>', 'no more than these', readCount, 50);
  return command.action(async (schedule: string | undefined, options: CommonFlags & { limit: number }) => {
    const query = { schedule, limit: options.limit };
    const { items } = await connect(environment, options).get<Page<ScheduleEntryView>>(
      pathOf('schedule-entries'),
      query,
    );
    if (options.json) return printJson(items);
    const rows = items.map(({ schedule: of, subject, nextAt, expression, zone, every, last }) => [
      of.name,
      subject.name,
      nextAt ?? (of.paused ? 'paused' : ''),
      expression ? `${expression} ${zone ?? ''}` : (every ?? ''),
      last ? `${last.dueAt} ${last.operationState ?? last.state}` : '',
    ]);
    printTable(environment, ['schedule', 'on', 'next', 'as', 'last time'], rows, 'Nothing runs by itself.');
  });
}

function runsCommand(environment: CliEnvironment): Command {
  const command = new Command('runs').description('what became of the times of Schedules, newest first');
  withCommonFlags(command)
    .argument('[schedule]', 'name or id; nothing is all of them')
    .option('--state <state>', `only those (${scheduledRunStates.join(', ')})`)
    .option('--limit <number>', 'no more than these', readCount, 50);
  type Flags = CommonFlags & { state?: string; limit: number };
  return command.action(async (schedule: string | undefined, options: Flags) => {
    const query = { schedule, state: options.state, limit: options.limit };
    const { items } = await connect(environment, options).get<Page<ScheduledRunView>>(pathOf('scheduled-runs'), query);
    if (options.json) return printJson(items);
    const rows = items.map(({ schedule: of, subject, dueAt, state, operation, operationState, reason }) => [
      of.name,
      subject.name,
      dueAt,
      state,
      operation ? `${operation} ${operationState ?? ''}` : reason,
    ]);
    printTable(environment, ['schedule', 'on', 'due', 'state', 'Operation or why'], rows, 'No time has come yet.');
  });
}

function runCommand(environment: CliEnvironment): Command {
  const command = new Command('run').description('start now what it starts, on all of its subjects or on one');
  withCommonFlags(command)
    .argument('<schedule>', 'name or id')
    .option('--on <kind/name>', 'only on this one, such as environment/shop')
    .option('--reason <text>', 'why, for the others');
  type Flags = CommonFlags & { on?: string; reason?: string };
  return command.action(async (schedule: string, options: Flags) => {
    const body = { ...(options.on ? { subject: readSubject(options.on) } : {}), reason: options.reason ?? '' };
    const answer = await connect(environment, options).post<RunNowView>(pathOf('schedules', schedule, 'run'), body);
    if (options.json) printJson(answer);
    else for (const { id, subject } of answer.started) print(`${subject.name}: Operation ${id} is started.`);
    const words = answer.refused.map(({ subject, message }) => `${subject.name}: ${message}`);
    if (words.length > 0) throw new CliError(exitCodes.failed, words.join('\n'));
  });
}

function readSubject(text: string): { kind: EntityKind; id: string } {
  const [kind, ...rest] = text.split('/');
  const known = entityKinds.find(each => each === kind);
  const id = rest.join('/');
  if (!known || !id) throw usageError(`"${text}" is not of the form kind/name, such as environment/shop.`);
  return { kind: known, id };
}
