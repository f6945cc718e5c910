// `aegir status`: addresses and health of each part of the installation.

import { Command } from 'commander';
import { errorText } from '../../model/errors.ts';
import { describePartAway } from '../../model/parts.ts';
import { Client, pathOf } from '../client.ts';
import { type CredentialFlags, findCredentials, meansThisMachine } from '../credentials.ts';
import { renderPairs } from '../entity-page.ts';
import type { CliEnvironment } from '../environment.ts';
import { exitCodes } from '../exit.ts';
import { isRunning, type LocalStatus, localAddress, readLocalStatus } from '../local-installation.ts';
import { localTime, print, printJson } from '../output.ts';
import { renderTable } from '../table.ts';

/** Answer of /api/health; what it says of its parts is shown as it is. */
interface Health {
  ok: boolean;
  parts?: Record<string, unknown>;
}

interface Status {
  healthy: boolean;
  /** Whether the processes of this machine's installation live; null when another one is meant. */
  running: boolean | null;
  url: string;
  addresses: Record<string, string>;
  parts: LocalStatus['parts'];
  health: Health | null;
  message: string;
}

export function statusCommand(environment: CliEnvironment): Command {
  return new Command('status')
    .description('addresses and health of each part; exit code 0 = healthy, 1 = not')
    .option('--json', 'one JSON document on standard output')
    .option('--url <address>', 'of another installation than this one')
    .action(async (options: CredentialFlags & { json?: boolean }) => {
      const status = await readStatus(environment, options);
      if (options.json) printJson(status);
      else print(renderStatus(environment, status));
      process.exitCode = status.healthy ? exitCodes.succeeded : exitCodes.failed;
    });
}

async function readStatus(environment: CliEnvironment, options: CredentialFlags): Promise<Status> {
  if (!meansThisMachine(environment, options)) {
    const { url } = findCredentials(environment, options);
    return withHealth({ running: null, url, addresses: { aegir: url }, parts: [] });
  }
  const local = readLocalStatus(environment);
  const url = localAddress(environment);
  if (local === null || !isRunning(local.pid)) {
    const message = 'Aegir is not running on this machine. Start it with: npm start';
    return { healthy: false, running: false, url, addresses: {}, parts: [], health: null, message };
  }
  return withHealth({ running: true, url, addresses: local.addresses, parts: local.parts });
}

async function withHealth(base: Pick<Status, 'running' | 'url' | 'addresses' | 'parts'>): Promise<Status> {
  try {
    const health = await readHealth(base.url);
    const failing = base.parts.filter(part => part.state !== 'ready');
    const away = Object.entries(health.parts ?? {}).flatMap(([name, isThere]) => (isThere === false ? [name] : []));
    const healthy = health.ok && failing.length === 0 && away.length === 0;
    return { ...base, healthy, health, message: healthy ? 'All parts run.' : describeAway(away) };
  } catch (error) {
    return { ...base, healthy: false, health: null, message: errorText(error) };
  }
}

function describeAway(away: string[]): string {
  const sentences = away.map(name => `${describePartAway(name)}.`);
  const hope = away.length > 0 ? 'Operations go on by themselves when it is back.' : '';
  return ['Not all parts run.', ...sentences, hope].filter(Boolean).join(' ');
}

async function readHealth(url: string): Promise<Health> {
  // Unhealthy is 503 with the same body: it is asked for directly, without the tries of other requests.
  const address = new URL(`${new Client({ url, authorization: () => null }).url}${pathOf('health')}`);
  try {
    // An API that needs longer than this to say that it is well is not.
    const response = await fetch(address, { signal: AbortSignal.timeout(5000) });
    const body = (await response.json()) as Partial<Health>;
    return { ...body, ok: response.ok && body.ok === true };
  } catch {
    throw new Error(`Aegir does not answer at ${url}. Start it on its machine with: npm start`);
  }
}

function renderStatus(environment: CliEnvironment, status: Status): string {
  const addresses = renderPairs([
    ['Aegir', status.url],
    ...Object.entries(status.addresses).filter(([name]) => name !== 'aegir'),
  ]);
  const rows = status.parts.map(part => [
    part.name,
    part.state,
    part.pid,
    part.port,
    part.restarts,
    localTime(part.since),
  ]);
  const header = ['part', 'state', 'pid', 'port', 'restarts', 'since'];
  const parts = rows.length > 0 ? `\n${renderTable(header, rows, environment.width)}` : '';
  return `${status.message}\n\n${addresses}${parts}`;
}
