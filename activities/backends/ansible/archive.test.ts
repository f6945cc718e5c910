// What module_utils/aegir_archive.py takes of an archive and what it refuses, with archives made on purpose.

import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { python } from '../test-run.ts';

/** Python by which an archive is made: `add(name, **of its header)`, `pack(bytes)` for what is behind. */
const program = `
import gzip, io, json, resource, sys, tarfile, tracemalloc
from aegir_archive import *
made = io.BytesIO()
tar = tarfile.open(fileobj=made, mode='w', format=tarfile.PAX_FORMAT)
def add(name, content=b'', **header):
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    for key, value in header.items():
        setattr(entry, key, value)
    tar.addfile(entry, io.BytesIO(content))
limits = {'most_bytes': 1 << 30}
change = lambda packed: packed
exec(sys.stdin.read())
tar.close()
source = io.BytesIO(change(gzip.compress(made.getvalue())))
del made
taken = []
judge = Judge(**limits)
tracemalloc.start()
try:
    read_archive(source, judge, lambda entry, stream: taken.append([entry.kind, entry.name, len(b''.join(pieces_of(stream))) if stream else 0]))
    said = ''
except ArchiveFailure as failure:
    said = str(failure)
print(json.dumps({'taken': taken, 'said': said, 'bytes': judge.bytes, 'peak': tracemalloc.get_traced_memory()[1]}))
`;

async function read(make: string): Promise<{ taken: unknown[]; said: string; bytes: number; peak: number }> {
  const { stdout } = await execa(python, ['-c', program], {
    input: make,
    env: { PYTHONPATH: join(import.meta.dirname, 'module_utils'), PYTHONDONTWRITEBYTECODE: '1' },
  });
  return JSON.parse(stdout);
}

const fine = `add('./MANIFEST.yml', b'{}'); add('database/database.sql', b'SELECT 1;'); add('files/', type=tarfile.DIRTYPE)`;

describe('an archive', () => {
  test('is read entry by entry, with links that stay within their tree', async () => {
    const long = `files/${'d'.repeat(90)}/${'n'.repeat(200)}`;
    const { taken, said, bytes } = await read(`${fine}
add('files/a/b', b'x' * 100000); add('files/a/link', type=tarfile.SYMTYPE, linkname='../other'); add('${long}', b'y')
add('files/Stra\\u00dfe', b'z')`);
    expect(said).toBe('');
    expect(taken).toEqual([
      ['file', 'MANIFEST.yml', 2],
      ['file', 'database/database.sql', 9],
      ['folder', 'files', 0],
      ['file', 'files/a/b', 100000],
      ['link', 'files/a/link', 0],
      ['file', long, 1],
      ['file', 'files/Straße', 1],
    ]);
    expect(bytes).toBe(100013);
  });

  test.each([
    ['a way out', `add('files/../../etc/cron.d/x', b'')`, '“files/../../etc/cron.d/x” leads out of the archive ("..")'],
    ['an absolute path', `add('/etc/passwd', b'')`, '“/etc/passwd” is an absolute path'],
    [
      'an absolute link',
      `add('files/l', type=tarfile.SYMTYPE, linkname='/etc')`,
      '“files/l” is a link to the absolute path “/etc”',
    ],
    [
      'a link out of its tree',
      `add('files/a/l', type=tarfile.SYMTYPE, linkname='../../settings/x')`,
      '“files/a/l” is a link that leads out, to “../../settings/x”',
    ],
    ['a link out by way of another', `add('files/l', type=tarfile.SYMTYPE, linkname='m/../../x')`, 'leads out'],
    [
      'what lies behind a link',
      `add('files/l', type=tarfile.SYMTYPE, linkname='a'); add('files/l/x', b'')`,
      '“files/l/x” lies behind a link',
    ],
    [
      'a link in the place of a folder',
      `add('files/l/x', b''); add('files/l', type=tarfile.SYMTYPE, linkname='a')`,
      '“files/l” is a link in the place of a folder',
    ],
    [
      'a hard link',
      `add('files/h', type=tarfile.LNKTYPE, linkname='/etc/shadow')`,
      '“files/h” is a hard link to “/etc/shadow”: pack it with --hard-dereference',
    ],
    ['a device', `add('files/d', type=tarfile.BLKTYPE, devmajor=8)`, '“files/d” is a device or a pipe'],
    ['a pipe', `add('files/p', type=tarfile.FIFOTYPE)`, '“files/p” is a device or a pipe'],
    ['setuid', `add('files/s', b'', mode=0o4755)`, '“files/s” has the rights of another user (setuid or setgid)'],
    ['a file with holes', `add('files/s', b'', type=tarfile.GNUTYPE_SPARSE)`, 'is a file with holes'],
    ['what is no part', `add('settings/x', b'')`, '“settings/x” belongs to no part of an archive'],
    ['a part that is a link', `add('private', type=tarfile.SYMTYPE, linkname='files')`, '“private”'],
    ['a name twice', `add('files/x', b'1'); add('files/x', b'2')`, '“files/x” is there twice'],
    ['a file as a folder', `add('files/x', b'1'); add('files/x/y', b'2')`, '“files/x/y” is a file and a folder'],
    ['control characters', `add('files/a\\x1b[2Jb', b'')`, '“files/a?[2Jb” has a name with control characters'],
    ['what is cut off', `add('files/x', bytes(range(256)) * 400); change = lambda packed: packed[:-50]`, 'cut off'],
    [
      'what is damaged',
      `add('files/x', bytes(range(256)) * 400); change = lambda packed: packed[:300] + b'!' + packed[301:]`,
      'damaged',
    ],
    [
      'a damaged entry in the middle',
      `add('files/x', b''); made.write(b'no header' + bytes(503)); add('files/y', b'')`,
      'something behind its end',
    ],
    ['what is no tar file', `change = lambda packed: gzip.compress(b'hello' * 1000)`, 'no tar file'],
    ['what is not packed', `change = lambda packed: b'hello' * 1000`, 'damaged'],
  ])('is refused with %s', async (_what, make, message) => {
    const { said, taken } = await read(`${fine}\n${make}`);
    expect(said).toContain(message);
    expect(JSON.stringify(taken)).not.toContain('etc');
  });

  test('names all that is wrong with it, up to twenty', async () => {
    const { said } = await read(`${fine}\nfor number in range(30): add('files/%d' % number, type=tarfile.FIFOTYPE)`);
    expect(said.match(/is a device/g)).toHaveLength(20);
    expect(said).toMatch(/, and 10 more\.$/);
  });

  test('that would fill the disk is refused at the entry which is too much, with little memory', async () => {
    const { said, peak } = await read(`limits = {'most_bytes': 5 << 20}
for number in range(10): add('files/%d' % number, bytes(1 << 20))`);
    expect(said).toContain('unpacks to more than 5 MB');
    expect(peak).toBeLessThan(8 * 1024 * 1024);
  });

  test('with too many entries is refused', async () => {
    const { said } = await read(`limits = {'most_bytes': 1, 'most_entries': 100}
for number in range(101): add('files/%d' % number, b'')`);
    expect(said).toContain('more than 100 entries');
  });

  test('whose name alone would fill the memory is refused before it is read', async () => {
    const { said, peak } = await read(`add('files/x', b'', pax_headers={'comment': 'x' * (50 << 20)})`);
    expect(said).toMatch(/a name of \d+ bytes, which is none/);
    expect(peak).toBeLessThan(8 * 1024 * 1024);
  });

  test('of a large file is read with little memory', async () => {
    const { said, taken, peak } = await read(`add('files/x', bytes(60 << 20))
import builtins
pieces_of = lambda stream: builtins.iter(lambda: b'' if stream.read(1 << 20) else b'', b'')`);
    expect([said, taken.length]).toEqual(['', 1]);
    expect(peak).toBeLessThan(8 * 1024 * 1024);
  });
});
