// The installation on this machine, as `npm start` writes it down: addresses and parts, and the token for its own owner.

import { join } from 'node:path';
import type { CliEnvironment } from './environment.ts';
import { readIfThere } from './private-file.ts';

export interface PartStatus {
  name: string;
  pid: number | null;
  port: number | null;
  state: string;
  restarts: number;
  since: string;
}

export interface LocalStatus {
  pid: number;
  addresses: Record<string, string>;
  parts: PartStatus[];
}

/** Null when nothing has been started here. The process may be over: see `isRunning`. */
export function readLocalStatus(environment: CliEnvironment): LocalStatus | null {
  const text = readIfThere(join(environment.home, 'status.json'));
  if (text === null) return null;
  try {
    const read = JSON.parse(text) as Partial<LocalStatus>;
    return { pid: read.pid ?? 0, addresses: read.addresses ?? {}, parts: read.parts ?? [] };
  } catch {
    // It is being written just now, or is damaged: as good as none.
    return null;
  }
}

export function isRunning(pid: number): boolean {
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

export function localAddress(environment: CliEnvironment): string {
  return readLocalStatus(environment)?.addresses.aegir ?? `http://localhost:${environment.port}`;
}

export function readLocalToken(environment: CliEnvironment): string | null {
  return readIfThere(join(environment.home, 'local-token'))?.trim() || null;
}
