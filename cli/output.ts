// What commands write: a JSON document for programs, or text for people.

import type { ListedEntity } from '../api/contract.ts';
import type { CliEnvironment } from './environment.ts';
import { renderTable } from './table.ts';

export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function printTable(environment: CliEnvironment, header: string[], rows: unknown[][], empty: string): void {
  if (rows.length === 0) note(empty);
  else print(renderTable(header, rows, environment.width));
}

/** 2026-11-21 08:15:03, in the time zone of whoever reads it. */
export function localTime(iso: string | null): string {
  if (iso === null) return '–';
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  // Sweden's way of writing a time is the sortable one.
  return date.toLocaleString('sv-SE');
}

/** When the last backup whose restore was proven was made. */
export function provenWords({ proven }: Pick<ListedEntity, 'proven'>): string {
  return proven ? localTime(proven.madeAt) : 'never';
}

export function duration(from: string | null, to: string | null): string {
  if (from === null || to === null) return '';
  const seconds = (Date.parse(to) - Date.parse(from)) / 1000;
  if (seconds < 60) return `${Math.max(0, seconds).toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** `needs_attention` → "needs attention". */
export function stateWords(state: string): string {
  return state.replaceAll('_', ' ');
}
