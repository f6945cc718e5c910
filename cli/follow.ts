// Following an Operation until it is over, from `run --follow` and `logs -f`.

import type { OperationView, StreamEvent } from '../api/contract.ts';
import type { OperationState } from '../model/run.ts';
import { openQuestions } from './attention.ts';
import { type Client, pathOf } from './client.ts';
import { readEvents, type ServerEvent } from './event-stream.ts';
import { CliError, exitCodes } from './exit.ts';
import { createPrinter, type OperationPrinter, type PrinterOptions } from './operation-printer.ts';
import { note } from './output.ts';

/** @returns the Operation as it ended, or as it asks how to go on. Ctrl-C leaves it running. */
export async function followOperation(client: Client, id: string, options: PrinterOptions): Promise<OperationView> {
  const detach = new AbortController();
  const onInterrupt = () => detach.abort();
  process.once('SIGINT', onInterrupt);
  try {
    return await printUntilOver(client, id, options, detach.signal);
  } finally {
    // The stream of one that waits for a person stays open.
    detach.abort();
    process.off('SIGINT', onInterrupt);
  }
}

async function printUntilOver(client: Client, id: string, options: PrinterOptions, signal: AbortSignal) {
  const printer = createPrinter(options);
  const load = () => client.get<OperationView>(pathOf('operations', id));
  let latest: OperationView | null = null;
  const show = (operation: OperationView) => {
    latest = operation;
    printer.showState(operation);
  };
  try {
    for await (const received of readEvents(client, pathOf('operations', id, 'events'), signal)) {
      const event = parseEvent(received);
      if (event?.event === 'operation') show(event.data);
      if (event?.event === 'log') {
        // Its first lines can overtake the news of a step that has just begun. Without them there is only no header.
        if (!printer.knows(event.data.taskId)) await load().then(show, () => undefined);
        printer.showLines(event.data);
      }
      if (latest !== null && openQuestions(latest).length > 0 && printer.isWhole()) {
        printer.finish(latest);
        return latest;
      }
      if (event?.event === 'end') return await finish(printer, latest ?? (await load()), event.data.state, load);
    }
  } catch (error) {
    if (error instanceof CliError && error.exitCode === exitCodes.unreachable) {
      note(`The connection is lost; the Operation itself goes on. Follow it again: ./aegir logs -f ${id}`);
    }
    throw error;
  }
  throw new CliError(
    exitCodes.cancelled,
    `Detached: Operation ${id} goes on. Follow it again: ./aegir logs -f ${id}. Cancel it: ./aegir cancel ${id}`,
  );
}

/** What the stream has told is enough, unless the last news was lost. */
async function finish(
  printer: OperationPrinter,
  latest: OperationView,
  state: OperationState,
  load: () => Promise<OperationView>,
): Promise<OperationView> {
  const operation = latest.state === state ? latest : await load();
  printer.finish(operation);
  return operation;
}

/** Unknown events of a newer server are passed over. */
function parseEvent(event: ServerEvent): StreamEvent | null {
  if (!['operation', 'log', 'end'].includes(event.name)) return null;
  // The shapes are those of api/contract.ts: the API's own tests hold them.
  return { event: event.name, data: JSON.parse(event.data) } as StreamEvent;
}
