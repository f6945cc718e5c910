// Follows an Operation for a command, and ends with what became of it: its page, its exit code.

import type { OperationView } from '../api/contract.ts';
import type { Client } from './client.ts';
import type { CliEnvironment } from './environment.ts';
import { exitCodeOf } from './exit.ts';
import { followOperation } from './follow.ts';
import { print, printJson } from './output.ts';

export async function followAndReport(
  environment: CliEnvironment,
  client: Client,
  id: string,
  options: { json?: boolean; seen?: OperationView },
): Promise<void> {
  const write = (text: string) => (options.json ? process.stderr : process.stdout).write(text);
  const seen = options.seen ? { seen: options.seen } : {};
  const ended = await followOperation(client, id, { write, colours: environment.colours, raw: false, ...seen });
  if (options.json) printJson(ended);
  else print(operationPage(client, ended.id));
  process.exitCode = exitCodeOf(ended);
}

export function operationPage(client: Client, id: string): string {
  return `${client.url}/operations/${encodeURIComponent(id)}`;
}
