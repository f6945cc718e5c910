// <home>/status.json: what runs, where and how it is, for `./aegir status`. Written whole on each change.

import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFileOrNothing } from './launch.ts';

export type PartName = 'postgres' | 'temporal' | 'caddy' | 'api' | 'worker';
export type PartState = 'starting' | 'ready' | 'restarting' | 'stopped';

export interface PartStatus {
  name: PartName;
  pid: number | null;
  port: number | null;
  state: PartState;
  restarts: number;
  since: string;
}

export interface Status {
  pid: number;
  /** Value of the mark that every process of this start carries. */
  mark: string;
  addresses: { aegir: string; console: string; site: string };
  parts: PartStatus[];
}

const fileOf = (home: string) => join(home, 'status.json');

export function writeStatus(home: string, status: Status): void {
  const draft = `${fileOf(home)}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(status, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, fileOf(home));
}

export function removeStatus(home: string): void {
  rmSync(fileOf(home), { force: true });
}

/** Mark of a start that was ended without a chance to clean up; '' when the last one ended in order. */
export function readLeftMark(home: string): string {
  try {
    const left: unknown = JSON.parse(readFileOrNothing(fileOf(home)));
    return left && typeof left === 'object' && 'mark' in left && typeof left.mark === 'string' ? left.mark : '';
  } catch {
    return '';
  }
}
