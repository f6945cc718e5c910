// What an archive says of itself: its first entry, for whoever has to know whether it can be read at all, and its last one,
// which is there only when everything else is.

import { isDict } from '../model/coerce.ts';
import { AppError } from '../model/errors.ts';
import { printable } from './tar.ts';

/** Raised when older versions could not read it any more. */
export const format = 1;

export const headName = 'aegir.json';
export const manifestName = 'manifest.json';
/** The key ring, as a key file has it; and what the first start has made. */
export const keysName = 'secret.key';
export const sampleName = 'sample.json';

/** Rows of a table, in pieces that are numbered from 1. */
export const rowsName = (table: string, piece: number) => `database/${table}/${String(piece).padStart(6, '0')}`;
export const rowsPattern = /^database\/([a-z_]{1,63})\/(\d{6})$/;

export interface Head {
  format: number;
  /** Of Aegir. */
  version: string;
  madeAt: string;
  host: string;
  /** Last one of the database; see model/store/whole-database.ts. */
  migration: number;
  postgres: string;
}

export interface Sums {
  bytes: number;
  sha256: string;
}

export interface TableSums extends Sums {
  name: string;
  columns: string[];
  rows: number;
}

export interface Manifest {
  tables: TableSums[];
  sequences: Record<string, string>;
  files: Record<string, Sums>;
}

/** Whoever has made the file may have written anything. */
export function parseHead(text: string): Head {
  const head = parse(text, headName);
  if (typeof head.format === 'number' && head.format > format)
    throw new AppError(
      'conflict',
      `The archive was made by a newer version of Aegir (${printable(String(head.version))}): restore it with that one, or a later one. Nothing was changed.`,
    );
  const { version, madeAt, host, migration, postgres } = head;
  if (head.format !== format || !isCount(migration)) throw unreadable(headName);
  const words = (value: unknown) => printable(String(value));
  return {
    format,
    version: words(version),
    madeAt: words(madeAt),
    host: words(host),
    migration,
    postgres: words(postgres),
  };
}

export function parseManifest(text: string): Manifest {
  const { tables, sequences, files } = parse(text, manifestName);
  const isWhole =
    Array.isArray(tables) &&
    tables.every(isTable) &&
    isDict(files) &&
    Object.values(files).every(isSums) &&
    isDict(sequences) &&
    Object.values(sequences).every(value => typeof value === 'string' && /^\d{1,19}$/.test(value));
  if (!isWhole) throw unreadable(manifestName);
  return { tables, sequences, files } as Manifest;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

const isSums = (value: unknown): boolean => isDict(value) && isCount(value.bytes) && typeof value.sha256 === 'string';

function isTable(value: unknown): boolean {
  if (!isSums(value) || !isDict(value) || !isCount(value.rows) || typeof value.name !== 'string') return false;
  return Array.isArray(value.columns) && value.columns.every(column => typeof column === 'string');
}

function parse(text: string, name: string): Record<string, unknown> {
  try {
    const read: unknown = JSON.parse(text);
    if (isDict(read)) return read;
  } catch {
    // Said below.
  }
  throw unreadable(name);
}

function unreadable(name: string): AppError {
  return new AppError('invalid', `The archive is damaged: its ${name} cannot be read. Nothing was changed.`);
}
