// Archives that are not whole, not ours or not meant for this version: each is refused before anything is made of it.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Snapshot } from '../model/store/whole-database.ts';
import { type Head, headName, keysName, manifestName, rowsName } from './manifest.ts';
import { readArchive } from './read-archive.ts';
import { endOfEntries, renderEntry } from './tar.ts';
import { writeArchive } from './write-archive.ts';

const folder = mkdtempSync(join(tmpdir(), 'aegir-archive-'));
const place = (name: string) => join(folder, name);
const words = 'correct horse battery';
const head: Head = {
  format: 1,
  version: '5.0.0',
  madeAt: '2026-01-01T00:00:00Z',
  host: 'old',
  migration: 7,
  postgres: '18',
};
// Larger than a piece of the archive and than one of the encryption, and nothing that compresses to less.
const text = Buffer.from(
  Array.from({ length: 300_000 }, (_, at) => Math.imul(at, 2_654_435_761).toString(36)).join('\n'),
);

const snapshot = {
  tables: [
    { name: 'empty', columns: ['id'] },
    { name: 'things', columns: ['id', 'words'] },
  ],
  async *rows({ name }: { name: string }) {
    // In parts that have nothing to do with lines.
    for (let at = 0; name === 'things' && at < text.length; at += 70_001) yield text.subarray(at, at + 70_001);
    return name === 'things' ? 300_000 : 0;
  },
  sequences: async () => ({ counted: '41' }),
} as unknown as Snapshot;
const content = { head, snapshot, files: { [keysName]: 'k'.repeat(32) } };

beforeAll(async () => {
  await writeArchive(place('sealed'), content, words);
  await writeArchive(place('clear'), content, null);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (name: string, passphrase = words) => readArchive(place(name), async () => passphrase);

test.each(['sealed', 'clear'])(
  'what was put into a %s archive is what comes out, and its file is its owner’s alone',
  async name => {
    const archive = await read(name);
    expect(archive).toMatchObject({ head, keys: 'k'.repeat(32), sample: null });
    expect(archive.manifest).toMatchObject({ sequences: { counted: '41' }, tables: [{ rows: 0 }, { rows: 300_000 }] });
    const parts: Buffer[] = [];
    for await (const { table, chunk } of archive.rows()) {
      expect(table).toBe('things');
      parts.push(chunk);
    }
    expect(Buffer.concat(parts).equals(text)).toBe(true);
    expect(statSync(place(name)).mode & 0o777).toBe(0o600);
  },
);

test('a backup that fails leaves nothing, and one is never written over', async () => {
  async function* broken() {
    yield Buffer.from('one');
    throw new Error('The connection is gone.');
  }
  const failing = { ...content, snapshot: { ...snapshot, rows: broken } as unknown as Snapshot };
  await expect(writeArchive(place('never'), failing, words)).rejects.toThrow('The connection is gone.');
  await expect(writeArchive(place('clear'), content, null)).rejects.toThrow('is there already');
  expect(readdirSync(folder).filter(name => /never|part/.test(name))).toEqual([]);
});

test('no byte that is missing, altered or added goes unnoticed', async () => {
  const refusals = async (name: string, change: (bytes: Buffer) => Buffer) => {
    writeFileSync(place('changed'), change(readFileSync(place(name))));
    return read('changed').then(
      () => 'It was taken.',
      error => String(error.message),
    );
  };
  const cut = (at: number) => (bytes: Buffer) => bytes.subarray(0, Math.floor(bytes.length * at));
  const flip = (at: number) => (bytes: Buffer) => {
    const all = Buffer.from(bytes);
    all[Math.floor(all.length * at)] = (all[Math.floor(all.length * at)] ?? 0) ^ 1;
    return all;
  };
  for (const at of [0.1, 0.5, 0.9]) {
    expect(await refusals('sealed', cut(at)), `cut at ${at}`).toContain('cut off');
    expect(await refusals('clear', cut(at)), `cut at ${at}`).toContain('cut off');
    expect(await refusals('sealed', flip(at)), `flipped at ${at}`).toContain('Nothing was changed.');
    expect(await refusals('clear', flip(at)), `flipped at ${at}`).toContain('Nothing was changed.');
  }
  // Between two pieces: each of them is whole then.
  const piece = 64 * 1024 + 16;
  const begin = Buffer.from('Aegir archive, encrypted 1\n').length + 16;
  expect(await refusals('sealed', bytes => bytes.subarray(0, begin + 3 * piece))).toContain('cut off');
  expect(await refusals('sealed', bytes => Buffer.concat([bytes, Buffer.from('more')]))).toContain(
    'Nothing was changed.',
  );
  const swap = (bytes: Buffer) =>
    Buffer.concat([
      bytes.subarray(0, begin),
      bytes.subarray(begin + piece, begin + 2 * piece),
      bytes.subarray(begin, begin + piece),
      bytes.subarray(begin + 2 * piece),
    ]);
  expect(await refusals('sealed', swap)).toContain('Nothing was changed.');
  await expect(read('sealed', 'another passphrase')).rejects.toThrow('The passphrase is not the one of this archive');
  expect(await refusals('clear', () => Buffer.from('some other file'))).toContain('none of Aegir');
  expect(await refusals('clear', () => Buffer.alloc(0))).toContain('cut off');
});

interface Made {
  name: string;
  text: string;
}

test.each<[string, (entries: Made[]) => Made[], string]>([
  ['a path out of its place', add('../../etc/cron.d/x'), '“../../etc/cron.d/x” is nothing that Aegir puts there'],
  ['an absolute path', add('/etc/passwd'), '“/etc/passwd” is nothing'],
  ['a path that begins like ours', add('database/../x/000001'), 'is nothing that Aegir puts there'],
  ['control characters in a name', add('a\u001b[2Jb'), '“a?[2Jb” is nothing'],
  ['a file twice', add(keysName), 'secret.key is in it twice'],
  ['a table without its first piece', without(rowsName('things', 1)), 'rows of things are not in their order'],
  ['a table that lacks its last piece', without(rowsName('things', 3)), 'things is not what its manifest says'],
  ['a table of which the manifest says nothing', add(rowsName('others', 1)), 'others is not what its manifest says'],
  ['other keys than its manifest says', change(keysName, () => 'x'.repeat(32)), 'secret.key is not what'],
  ['no keys', without(keysName), 'secret.key is not what its manifest says'],
  ['no manifest', without(manifestName), 'cut off'],
  [
    'a manifest that is none',
    change(manifestName, () => '{"tables": [{"name": 1}]}'),
    'its manifest.json cannot be read',
  ],
  ['no head', without(headName), 'it begins with “secret.key”'],
  [
    'a format of later',
    change(headName, all => all.replace('"format": 1', '"format": 2')),
    'made by a newer version of Aegir (5.0.0)',
  ],
])('%s is refused', async (_, alter, expected) => {
  const entries = alter(entriesOf(gunzipSync(readFileSync(place('clear')))));
  const made = entries.map(({ name, text: body }) => renderEntry({ name, body: Buffer.from(body, 'latin1') }));
  writeFileSync(place('altered'), gzipSync(Buffer.concat([...made, endOfEntries])));
  await expect(read('altered')).rejects.toThrow(expected);
});

test('a link, and what says that it is huge, are refused', async () => {
  const good = renderEntry({ name: headName, body: Buffer.from(JSON.stringify(head)) });
  const altered = (at: number, bytes: string) => {
    const entry = renderEntry({ name: keysName, body: Buffer.from('x') });
    entry.write(bytes, at, 'latin1');
    const sum = Buffer.from(entry.subarray(0, 512))
      .fill(' ', 148, 156)
      .reduce((all, byte) => all + byte, 0);
    entry.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return gzipSync(Buffer.concat([good, entry, endOfEntries]));
  };
  for (const [bytes, expected] of [
    [altered(156, '2'), 'is no plain file'],
    [altered(345, '../..'), 'is no plain file'],
    [altered(124, '77777777777'), 'is larger than any entry of ours'],
  ] as const) {
    writeFileSync(place('altered'), bytes);
    await expect(read('altered')).rejects.toThrow(expected);
  }
});

function add(name: string) {
  return (entries: Made[]) => [...entries.slice(0, -1), { name, text: 'x' }, ...entries.slice(-1)];
}

function without(name: string) {
  return (entries: Made[]) => entries.filter(entry => entry.name !== name);
}

function change(name: string, alter: (body: string) => string) {
  return (entries: Made[]) => entries.map(entry => (entry.name === name ? { name, text: alter(entry.text) } : entry));
}

function entriesOf(tar: Buffer): Made[] {
  const entries: Made[] = [];
  for (let at = 0; tar[at] !== 0; ) {
    const name = tar.toString('latin1', at, at + 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 135), 8);
    entries.push({ name, text: tar.toString('latin1', at + 512, at + 512 + size) });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return entries;
}
