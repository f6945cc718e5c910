// One machine's Aegir from its start to its end: the data folder, the ports, the parts, and what the terminal says.

import { join } from 'node:path';
import type { Config } from '../config.ts';
import { AppError, errorText } from '../model/errors.ts';
import { markName } from './environment.ts';
import { runFirstStart, siteAddress } from './first-run.ts';
import { startGuard } from './guard.ts';
import { holdHome, openHome, refuseHalfRestored } from './home.ts';
import { createLocalApi, type LocalApi } from './local-api.ts';
import { listParts, listPorts, localApiUrl } from './parts.ts';
import { refuseTakenPorts } from './ports.ts';
import { notePrepared } from './prepared.ts';
import { killAll, listMarked, readProcess } from './process-tree.ts';
import { readLeftMark, removeStatus, writeStatus } from './status.ts';
import { createSupervisor, type Supervisor } from './supervisor.ts';

export interface MachineOptions {
  config: Config;
  environment: NodeJS.ProcessEnv;
  say(line: string): void;
  /** Resolves when somebody wants it to end; a second wish, given to `hurry`, cuts grace times short. */
  wish: { stop: Promise<string>; hurry: Promise<void> };
}

/** Runs until it is asked to stop; rejects with what a person should know. Nothing of it is left in either case. */
export async function runMachine({ config, environment, say, wish }: MachineOptions): Promise<void> {
  openHome(config.home);
  const release = holdHome(config.home, config.api.publicUrl);
  const mark = `${process.pid}-${readProcess(process.pid)?.started ?? Date.now()}`;
  const endGuard = startGuard({ name: markName, value: mark });
  try {
    refuseHalfRestored(config.home);
    await refuseTakenPorts(listPorts({ config, environment }), endLeftovers(config.home));
    const supervisor = createSupervisor({
      parts: listParts({ config, environment, mark }),
      say,
      changed: parts =>
        writeStatus(config.home, { pid: process.pid, mark, addresses: addressesOf(config, environment), parts }),
    });
    wish.hurry.then(() => supervisor.hurry());
    await untilEnd(supervisor, { config, environment, say, wish });
    killAll(listMarked(markName, mark));
    removeStatus(config.home);
  } finally {
    await endGuard();
    release();
  }
}

async function untilEnd(supervisor: Supervisor, { config, environment, say, wish }: MachineOptions): Promise<void> {
  const stopping = new AbortController();
  let problem: unknown;
  const life = async () => {
    say(`Starting Aegir (data in ${config.home}) …`);
    await supervisor.start();
    notePrepared(config);
    const api = createLocalApi(localApiUrl(config), join(config.home, 'local-token'), stopping.signal);
    await welcome({ config, environment, say, api });
    throw await supervisor.broken;
  };
  try {
    const reason = await Promise.race([wish.stop, life().then(() => '')]);
    say(`\nStopping (${reason}) …`);
  } catch (error) {
    problem = error;
  }
  stopping.abort();
  await supervisor.stop();
  if (problem !== undefined) throw problem;
  say('Stopped. Nothing is running any more; the data stays.');
}

async function welcome(options: Omit<MachineOptions, 'wish'> & { api: LocalApi }) {
  const { config, environment, say, api } = options;
  try {
    await runFirstStart({ api, config, say });
  } catch (error) {
    // Everything runs; what is missing is only the sample.
    say(`The sample site could not be set up: ${errorText(error)}`);
  }
  const { aegir, console, site } = addressesOf(config, environment);
  const link = await makeSignInLink(api);
  say('');
  say(`  Aegir             ${aegir}`);
  if (link) say(`  Sign in (once)    ${link}`);
  say(`  Sample site       ${site}`);
  say(`  Temporal console  ${console}`);
  say('');
  say('Ctrl-C stops everything.');
}

/** Only until the first administrator has a password; '' after that. */
async function makeSignInLink(api: LocalApi): Promise<string> {
  try {
    const { needsPassword } = await api.get<{ needsPassword: boolean }>('/api/session');
    return needsPassword ? (await api.post<{ url: string }>('/api/sign-in-links', {})).url : '';
  } catch (error) {
    // Not worth ending what runs: the next start, or the command line, makes another one.
    return `could not be made (${errorText(error)}): try "./aegir token sign-in-link"`;
  }
}

function addressesOf(config: Config, environment: NodeJS.ProcessEnv) {
  // With a Temporal of one's own its console is where the settings say; Aegir's sign-in is in front of it all the same.
  const console =
    environment.TEMPORAL_ADDRESS && !environment.AEGIR_CONSOLE_URL ? '' : `${config.api.publicUrl}/temporal`;
  return { aegir: config.api.publicUrl, console, site: siteAddress(config) };
}

/** Ends what a killed start has left; answers how long its ports may need to become free. */
function endLeftovers(home: string): number {
  const left = readLeftMark(home);
  if (!left) return 0;
  killAll(listMarked(markName, left));
  removeStatus(home);
  // A killed process gives its ports back at once; a database that shuts itself down needs a moment.
  return 5000;
}

export function explain(error: unknown): string {
  return error instanceof AppError
    ? error.message
    : error instanceof Error
      ? (error.stack ?? error.message)
      : String(error);
}
