// A zip file, as Python reads and runs it.

import { crc32, deflateRawSync } from 'node:zlib';

export interface ZipEntry {
  path: string;
  content: Buffer;
}

/** Names are UTF-8, contents deflated; the time is the first that the format knows, so the same files give the same bytes. */
const shared = { version: 20, flags: 0x0800, method: 8, time: 0, date: 0x21 };

export function renderZip(entries: readonly ZipEntry[]): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { path, content } of entries) {
    const name = Buffer.from(path);
    const packed = deflateRawSync(content, { level: 9 });
    const header = renderHeader({ name, packed, content });
    const at = Buffer.alloc(8);
    // Comment, disk and attributes are nothing.
    directory.push(Buffer.from('PK\x01\x02'), halves(shared.version), header, halves(0, 0, 0), at, name);
    at.writeUInt32LE(offset, 4);
    const file = Buffer.concat([Buffer.from('PK\x03\x04'), header, name, packed]);
    files.push(file);
    offset += file.length;
  }
  const list = Buffer.concat(directory);
  const place = Buffer.alloc(8);
  place.writeUInt32LE(list.length, 0);
  place.writeUInt32LE(offset, 4);
  const end = [Buffer.from('PK\x05\x06'), halves(0, 0, entries.length, entries.length), place, halves(0)];
  return Buffer.concat([...files, list, ...end]);
}

/** What stands before a file and in the list at the end alike. */
function renderHeader({ name, packed, content }: { name: Buffer; packed: Buffer; content: Buffer }): Buffer {
  const { version, flags, method, time, date } = shared;
  const sizes = Buffer.alloc(12);
  sizes.writeUInt32LE(crc32(content), 0);
  sizes.writeUInt32LE(packed.length, 4);
  sizes.writeUInt32LE(content.length, 8);
  return Buffer.concat([halves(version, flags, method, time, date), sizes, halves(name.length, 0)]);
}

function halves(...values: number[]): Buffer {
  const buffer = Buffer.alloc(2 * values.length);
  for (const [index, value] of values.entries()) buffer.writeUInt16LE(value, 2 * index);
  return buffer;
}
