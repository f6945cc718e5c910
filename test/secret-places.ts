// Everything that a run leaves somewhere, as text: to look for secrets in it.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { encodings } from './encodings.ts';

/** All that the given secrets may look like. Parts in base64 are those that do not depend on what stands around. */
export function looksOf(secret: string): { look: string; way: string }[] {
  const lines = [secret, ...secret.split('\n')].filter(line => line.length >= 8);
  return lines.flatMap(line => [
    ...Object.entries(encodings).map(([way, encode]) => ({ look: encode(line), way })),
    ...[0, 1, 2].map(shift => {
      const whole = Buffer.concat([Buffer.alloc(shift), Buffer.from(line)]).toString('base64');
      const core = whole.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + Buffer.byteLength(line)) * 8) / 6));
      return { look: core, way: `base64 after ${shift} bytes` };
    }),
  ]);
}

/** Names of the secrets that a text holds, and in which way; those that are texts of bytes are compared as such. */
export function findSecrets(text: string, secrets: Record<string, string>): string[] {
  return Object.entries(secrets).flatMap(([name, secret]) =>
    looksOf(secret).flatMap(({ look, way }) => {
      const isThere = text.includes(look) || text.includes(Buffer.from(look).toString('latin1'));
      return isThere ? [`${name} as ${way}`] : [];
    }),
  );
}

/** Every file below a folder, by its path. */
export function readFiles(folder: string, isMeant: (path: string) => boolean): Map<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .filter(isMeant);
  return new Map(paths.map(path => [path, readQuietly(path)]));
}

/** Command lines and environments of every process that this user may look at, but of this one. */
export function readProcesses(): string {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && name !== String(process.pid))
    .map(pid => ['cmdline', 'environ'].map(file => readQuietly(`/proc/${pid}/${file}`)).join('\n'))
    .join('\n');
}

function readQuietly(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

/** Every value of every row of every table of ours, by the table's name. */
export async function readTables(databaseUrl: string): Promise<Map<string, string>> {
  const database = new pg.Client({ connectionString: databaseUrl });
  await database.connect();
  try {
    const { rows } = await database.query<{ name: string }>(
      `select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables where table_schema in ('public', 'drizzle')`,
    );
    const texts = new Map<string, string>();
    for (const { name } of rows) {
      const found = await database.query<{ row: unknown }>(`select to_jsonb(t) as row from ${name} t`);
      texts.set(name, found.rows.flatMap(({ row }) => textsOf(row)).join('\n'));
    }
    return texts;
  } finally {
    await database.end();
  }
}

export function textsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [String(value)];
  return Object.entries(value).flatMap(([name, entry]) => [name, ...textsOf(entry)]);
}
