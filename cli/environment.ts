// The only reader of the environment in the command line. config.ts is the server's: it demands settings that a client,
// perhaps on another machine, does not have.

import { join, resolve } from 'node:path';

export interface CliEnvironment {
  /** Folder in which this installation lies. */
  installation: string;
  home: string;
  /** AEGIR_HOME is set: the installation there is meant, whatever this person has signed in to otherwise. */
  homeIsChosen: boolean;
  port: string;
  url: string | null;
  token: string | null;
  /** Where `sign-in` keeps the address and the token. */
  settingsFile: string;
  /** Columns of the terminal; null = no limit (a pipe or a file). */
  width: number | null;
  /** Standard output is a terminal that shows colours. */
  colours: boolean;
  /** A person can be asked. */
  interactive: boolean;
}

export function readEnvironment(installation: string): CliEnvironment {
  const variables = process.env;
  const userFolder = variables.HOME || '/';
  const terminal = process.stdout.isTTY === true;
  const columns = Number(variables.COLUMNS);
  const chosenWidth = Number.isInteger(columns) && columns > 0 ? columns : null;
  return {
    installation,
    home: resolve(installation, variables.AEGIR_HOME || '.aegir'),
    homeIsChosen: Boolean(variables.AEGIR_HOME),
    port: variables.AEGIR_PORT || '8420',
    url: variables.AEGIR_URL || null,
    token: variables.AEGIR_TOKEN || null,
    settingsFile: join(variables.XDG_CONFIG_HOME || join(userFolder, '.config'), 'aegir', 'config.json'),
    width: chosenWidth ?? (terminal ? process.stdout.columns : null),
    colours: terminal && !variables.NO_COLOR && variables.TERM !== 'dumb',
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true,
  };
}
