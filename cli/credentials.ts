// Which Aegir is meant, and who asks: flags, then AEGIR_URL and AEGIR_TOKEN, then `sign-in`, then this machine's own
// installation. A token is only ever sent to the address that it was given for.

import { rmSync } from 'node:fs';
import type { CliEnvironment } from './environment.ts';
import { localAddress, readLocalStatus, readLocalToken } from './local-installation.ts';
import { readIfThere, writePrivateFile } from './private-file.ts';

export interface Credentials {
  url: string;
  /** Value of the header Authorization; null = nobody is signed in. Asked for each request: see the local token. */
  authorization(): string | null;
}

export interface CredentialFlags {
  url?: string | undefined;
  token?: string | undefined;
}

interface Stored {
  url: string;
  token: string;
}

export function findCredentials(environment: CliEnvironment, flags: CredentialFlags): Credentials {
  const stored = readStored(environment);
  const localUrl = localAddress(environment);
  const hasLocal = environment.homeIsChosen && readLocalToken(environment) !== null;
  const url = plainUrl(flags.url ?? environment.url ?? (hasLocal ? localUrl : (stored?.url ?? localUrl)));
  const given = flags.token ?? tokenOfEnvironment(environment, url);
  if (given !== null) return { url, authorization: () => `Bearer ${given}` };
  const signedIn = stored !== null && sameAddress(url, stored.url) ? `Bearer ${stored.token}` : null;
  // It is another one after each start of the API, also while an Operation is followed.
  const own = () => {
    const token = sameAddress(url, localUrl) ? readLocalToken(environment) : null;
    return token === null ? null : `Local ${token}`;
  };
  return { url, authorization: () => (environment.homeIsChosen ? (own() ?? signedIn) : (signedIn ?? own())) };
}

/** Whether the installation that `npm start` runs on this machine is meant, running or not. */
export function meansThisMachine(environment: CliEnvironment, flags: CredentialFlags): boolean {
  if (flags.url !== undefined || environment.url !== null) return false;
  const stored = readStored(environment);
  if (environment.homeIsChosen || stored === null) return true;
  return readLocalStatus(environment) !== null && sameAddress(stored.url, localAddress(environment));
}

export function store(environment: CliEnvironment, stored: Stored): void {
  writePrivateFile(environment.settingsFile, `${JSON.stringify(stored, null, 2)}\n`);
}

/** The address that was signed in to, or null. */
export function forget(environment: CliEnvironment): string | null {
  const stored = readStored(environment);
  rmSync(environment.settingsFile, { force: true });
  return stored?.url ?? null;
}

function readStored(environment: CliEnvironment): Stored | null {
  const text = readIfThere(environment.settingsFile);
  if (text === null) return null;
  try {
    const { url, token } = JSON.parse(text) as Partial<Stored>;
    return url && token ? { url, token } : null;
  } catch {
    return null;
  }
}

function tokenOfEnvironment(environment: CliEnvironment, url: string): string | null {
  const fits = environment.url === null || sameAddress(environment.url, url);
  return fits ? environment.token : null;
}

function plainUrl(url: string): string {
  return url.replace(/\/+$/, '');
}

function sameAddress(a: string, b: string): boolean {
  return comparable(a) === comparable(b);
}

function comparable(url: string): string {
  if (!URL.canParse(url)) return url;
  const { protocol, hostname, port } = new URL(url);
  return `${protocol}//${hostname === '127.0.0.1' || hostname === '[::1]' ? 'localhost' : hostname}:${port}`;
}
