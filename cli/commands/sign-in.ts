// `aegir sign-in` and `sign-out`: keep the address and a token for the next commands.

import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { SessionView } from '../../api/contract.ts';
import { Client, pathOf } from '../client.ts';
import { findCredentials, forget, store } from '../credentials.ts';
import type { CliEnvironment } from '../environment.ts';
import { usageError } from '../exit.ts';
import { print, printJson } from '../output.ts';
import { askHidden } from '../prompt.ts';
import { readText } from '../values.ts';

interface SignInFlags {
  url?: string;
  token?: string;
  json?: boolean;
}

export function signInCommand(environment: CliEnvironment): Command {
  return new Command('sign-in')
    .description('keep the address and an API token for the next commands')
    .option('--url <address>', 'address of Aegir')
    .option('--token <@file|->', 'the token; without it, it is asked for or read from standard input')
    .option('--json', 'one JSON document on standard output')
    .action(async (options: SignInFlags) => {
      const { url } = findCredentials(environment, { url: options.url });
      const token = await readToken(environment, options.token);
      if (!token) throw usageError('A token is needed: the page "API tokens" or ./aegir token create makes one.');
      const client = new Client({ url, authorization: () => `Bearer ${token}` });
      const session = await client.get<SessionView>(pathOf('session'));
      store(environment, { url, token });
      if (options.json) printJson({ url, user: session.user, role: session.role });
      else print(`Signed in to ${url} as ${session.user.name || session.user.email} (${session.role}).`);
    });
}

export function signOutCommand(environment: CliEnvironment): Command {
  return new Command('sign-out')
    .description('forget the address and the token; the token itself stays valid until it is deleted')
    .option('--json', 'one JSON document on standard output')
    .action((options: { json?: boolean }) => {
      const url = forget(environment);
      if (options.json) printJson({ url });
      else print(url === null ? 'You were not signed in.' : `Signed out of ${url}.`);
    });
}

async function readToken(environment: CliEnvironment, given: string | undefined): Promise<string> {
  if (given !== undefined) return readText(given).trim();
  if (environment.token !== null) return environment.token;
  return environment.interactive ? askHidden('API token: ') : readFileSync(0, 'utf8').trim();
}
