// An Action: sent, answered, printed. A link stands alone on standard output, for whatever opens it.

import type { ActionView } from '../../api/contract.ts';
import { entities } from '../../model/entities.ts';
import type { OperationType } from '../../model/operation-type.ts';
import { type Client, pathOf } from '../client.ts';
import { renderPairs } from '../entity-page.ts';
import { exitCodes } from '../exit.ts';
import { note, print, printJson } from '../output.ts';
import { renderCell } from '../table.ts';
import { printable } from '../text.ts';

interface ActionFlags {
  input: Record<string, unknown>;
  json: boolean | undefined;
}

export async function runAction(client: Client, type: OperationType, id: string, flags: ActionFlags): Promise<void> {
  const path = pathOf(entities[type.on].plural, id, 'actions');
  const body = { type: type.name, input: flags.input };
  const answer = await client.post<ActionView>(path, body, { limited: false });
  if (answer.state === 'failed') process.exitCode = exitCodes.failed;
  if (flags.json) printJson(answer);
  else if (answer.state === 'failed') {
    note([...answer.lines, `${type.title}: failed`, answer.message].map(printable).join('\n'));
  } else print(renderOutputs(answer.outputs, type.opens));
}

function renderOutputs(outputs: Record<string, unknown>, opens: string | undefined): string {
  const link = opens === undefined ? undefined : outputs[opens];
  if (typeof link === 'string') return printable(link);
  // What is in a dict is what was asked for; its name says no more than the title.
  const entries = Object.entries(outputs).flatMap(entry => (isDict(entry[1]) ? Object.entries(entry[1]) : [entry]));
  return entries.length > 0
    ? renderPairs(entries.map(([name, value]) => [name.replaceAll('_', ' '), cell(value)]))
    : 'Done.';
}

function cell(value: unknown): string {
  if (isDict(value)) return JSON.stringify(value, null, 2);
  if (Array.isArray(value) && value.length > 0) return value.map(renderCell).join('\n');
  return renderCell(value);
}

function isDict(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
