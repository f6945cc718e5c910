// `aegir logs <operation>`: the log so far, with -f until the end, or parts of it (log-lines.ts).

import { Command } from 'commander';
import type { LogView, OperationView } from '../../api/contract.ts';
import { isOver } from '../../model/run.ts';
import { openQuestions } from '../attention.ts';
import { type Client, pathOf } from '../client.ts';
import { type CommonFlags, connect, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { exitCodeOf, usageError } from '../exit.ts';
import { followOperation } from '../follow.ts';
import { readCount } from '../numbers.ts';
import { createPrinter } from '../operation-printer.ts';
import { printJson } from '../output.ts';
import { type LineFlags, readLineRange, showHits, showLines } from './log-lines.ts';

interface LogFlags extends CommonFlags, Omit<LineFlags, 'json'> {
  follow?: boolean;
}

export function logsCommand(environment: CliEnvironment): Command {
  return withCommonFlags(new Command('logs').alias('log').description('show the log of an Operation'))
    .argument('<operation>', 'id')
    .option('-f, --follow', 'go on until it is over; the exit code is its result')
    .option('--raw', 'the lines alone, as they are kept')
    .option('--lines <from-to>', 'only these, such as 100-200 or 100-, with their numbers', readLineRange)
    .option('--last <count>', 'only so many at the end, at most 5000', readCount)
    .option('--find <text>', 'only lines with this text')
    .option('--regex', 'the text to find is a regular expression of PostgreSQL')
    .option('-i, --ignore-case', 'find upper and lower case alike')
    .option('--task <task>', 'of this Task only, as `operation show` lists it; its lines are counted from 1')
    .action(async (id: string, options: LogFlags) => {
      const client = connect(environment, options);
      const isPart = options.lines !== undefined || options.last !== undefined || options.task !== undefined;
      if (options.follow && (isPart || options.find !== undefined)) {
        throw usageError('--follow shows everything: leave it out, or --lines, --last, --find and --task.');
      }
      if (options.find !== undefined) await showHits(client, id, options);
      else if (isPart) await showLines(environment, client, id, options);
      else if (options.follow) await follow(environment, client, id, options);
      else if (options.json) printJson(await loadChunks(client, id));
      else if (options.raw) await copyRaw(client, id);
      else await printLog(environment, client, id);
    });
}

async function follow(environment: CliEnvironment, client: Client, id: string, options: LogFlags): Promise<void> {
  const write = (text: string) => (options.json ? process.stderr : process.stdout).write(text);
  const raw = options.raw ?? false;
  const ended = await followOperation(client, id, { write, colours: environment.colours, raw });
  if (options.json) printJson(ended);
  process.exitCode = exitCodeOf(ended);
}

async function printLog(environment: CliEnvironment, client: Client, id: string): Promise<void> {
  const write = (text: string) => process.stdout.write(text);
  const printer = createPrinter({ write, colours: environment.colours, raw: false });
  const operation = await client.get<OperationView>(pathOf('operations', id));
  printer.showState(operation);
  for await (const view of logPages(client, id)) {
    for (const chunk of view.chunks) {
      if (!printer.knows(chunk.taskId)) printer.showState(await client.get<OperationView>(pathOf('operations', id)));
      printer.showLines(chunk);
    }
  }
  if (isOver(operation.state) || openQuestions(operation).length > 0) printer.finish(operation);
}

/** Streamed: a log of many megabytes need not fit into memory. */
async function copyRaw(client: Client, id: string): Promise<void> {
  const response = await client.send('GET', pathOf('operations', id, 'log'), {
    query: { format: 'text' },
    headers: { accept: 'text/plain' },
    limited: false,
  });
  if (response.body === null) return;
  for await (const bytes of response.body) {
    if (!process.stdout.write(bytes)) await new Promise(resolve => process.stdout.once('drain', resolve));
  }
}

async function loadChunks(client: Client, id: string): Promise<LogView['chunks']> {
  const chunks: LogView['chunks'] = [];
  for await (const view of logPages(client, id)) chunks.push(...view.chunks);
  return chunks;
}

async function* logPages(client: Client, id: string): AsyncGenerator<LogView> {
  let after: string | undefined;
  do {
    const view: LogView = await client.get<LogView>(pathOf('operations', id, 'log'), { after });
    yield view;
    // The same place again would be an endless circle.
    after = view.next === null || view.next === after || view.chunks.length === 0 ? undefined : view.next;
  } while (after !== undefined);
}
