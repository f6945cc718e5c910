"""Reads portable archives of sites: tar, packed by gzip, with MANIFEST.yml, code/, database/database.sql, files/ and private/.
It goes by as a stream, and is believed nothing: whoever made it may be nobody's friend."""

from __future__ import annotations

import hashlib
import io
import json
import re
import stat
import tarfile
import zlib

MANIFEST = 'MANIFEST.yml'
DATABASE = 'database/database.sql'
# Of the site's own, as they lie in its folder and in the archive.
TREES = ('files', 'private')
PARTS = ('code', 'database', *TREES)
PIECE = 1 << 20
# Names are remembered: so many take about 200 MB of memory.
MOST_ENTRIES = 1_000_000
# Longer ones are no names, and are held in memory.
LONGEST_NAME = 4096
LONGEST_MANIFEST = 4 << 20
# What a person reads of what is wrong.
MOST_MISTAKES = 20
MOST_LINKS = 10_000
# Zeros behind the last entry: tar fills up what it calls a record.
LONGEST_REST = 64 << 20


class ArchiveFailure(Exception):
    """Its text is for a person."""


class Entry:
    """One of an archive. `parts` of its name; `kind`: file, folder or link."""

    def __init__(self, parts, kind, member):
        self.parts, self.kind, self.member = parts, kind, member
        self.size = member.size if kind == 'file' else 0
        self.mode = member.mode & 0o777
        self.mtime = member.mtime
        self.target = member.linkname if kind == 'link' else ''

    @property
    def name(self):
        return '/'.join(self.parts)


class Unpacked(io.RawIOBase):
    """What a packed stream has in it, piece by piece: never more than is asked for."""

    def __init__(self, source):
        self._source, self._inflate, self._rest = source, zlib.decompressobj(wbits=31), b''
        self._over = False

    def read(self, size=-1):
        if size < 0:
            raise ArchiveFailure('The archive is read in pieces only.')
        pieces = []
        while size > 0 and not self._over:
            piece = self._take(size)
            pieces.append(piece)
            size -= len(piece)
        return b''.join(pieces)

    def _take(self, size):
        if self._inflate.eof:
            self._rest = self._inflate.unused_data
            # Several packed streams behind each other are one.
            if not (self._rest or self._more()) or not self._rest.startswith(b'\x1f'):
                self._over = True
                return b''
            self._inflate = zlib.decompressobj(wbits=31)
        if not self._rest and not self._more():
            raise ArchiveFailure('The archive is cut off: its end is missing.')
        try:
            piece = self._inflate.decompress(self._rest, size)
        except zlib.error as error:
            raise ArchiveFailure('The archive is damaged: it cannot be unpacked (%s).' % error) from None
        self._rest = self._inflate.unconsumed_tail
        return piece

    def _more(self):
        self._rest = self._source.read(PIECE)
        return bool(self._rest)


class Header(tarfile.TarInfo):
    """Refuses to read names into memory that are none."""

    NAMES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)

    def _proc_member(self, tar):
        if self.type in self.NAMES and self.size > 16 * LONGEST_NAME:
            raise ArchiveFailure('The archive has a name of %d bytes, which is none.' % self.size)
        return super()._proc_member(tar)


class Judge:
    """Goes through all entries and lists what is wrong with them."""

    def __init__(self, most_bytes, most_entries=MOST_ENTRIES):
        self._most_bytes, self._most_entries = most_bytes, most_entries
        self._names, self._folders, self._links = set(), set(), set()
        self.mistakes, self.more = [], 0
        self.bytes = self.entries = 0
        self.found = {part: {'count': 0, 'bytes': 0} for part in PARTS}

    def take(self, member):
        """The entry, or None when it is not to be used. Raises when going on would do harm."""
        self.entries += 1
        if self.entries > self._most_entries:
            raise ArchiveFailure('The archive has more than %d entries. %s' % (self._most_entries, self.said()))
        parts = [part for part in member.name.split('/') if part not in ('', '.')]
        if not parts and member.isdir():
            return None
        kind, problem = self._kind(member, parts)
        problem = problem or self._name(member.name, parts, kind)
        if problem:
            return self._refuse(member.name, problem)
        entry = Entry(parts, kind, member)
        self.bytes += entry.size
        if self.bytes > self._most_bytes:
            raise ArchiveFailure('The archive unpacks to more than %d MB, for which there is room: with %s it would be %d MB. %s'
                                 % (self._most_bytes >> 20, shown(member.name), self.bytes >> 20, self.said()))
        if parts[0] in self.found and kind != 'folder':
            self.found[parts[0]]['count'] += 1
            self.found[parts[0]]['bytes'] += entry.size
        return entry

    def said(self):
        if not self.mistakes:
            return ''
        more = ', and %d more' % self.more if self.more else ''
        return 'It cannot be used: ' + '; '.join(self.mistakes) + more + '.'

    def _refuse(self, name, problem):
        if len(self.mistakes) < MOST_MISTAKES:
            self.mistakes.append('%s %s' % (shown(name), problem))
        else:
            self.more += 1

    def _kind(self, member, parts):
        if getattr(member, 'sparse', None) or member.type == tarfile.GNUTYPE_SPARSE:
            return '', 'is a file with holes: pack it without --sparse'
        if member.type in (tarfile.REGTYPE, tarfile.AREGTYPE):
            if member.mode & (stat.S_ISUID | stat.S_ISGID):
                return '', 'has the rights of another user (setuid or setgid)'
            return 'file', ''
        if member.isdir():
            return 'folder', ''
        if member.issym():
            return 'link', self._link(member.linkname, parts)
        if member.islnk():
            return '', 'is a hard link to %s: pack it with --hard-dereference' % shown(member.linkname)
        if member.isdev():
            return '', 'is a device or a pipe'
        return '', 'is of an unknown type (%s)' % shown(member.type.decode(errors='replace'))

    def _link(self, target, parts):
        if target.startswith('/'):
            return 'is a link to the absolute path %s' % shown(target)
        if leads_out(target, parts):
            return 'is a link that leads out, to %s' % shown(target)
        self._links.add('/'.join(parts))
        return '' if len(self._links) <= MOST_LINKS else 'is one of too many links'

    def _name(self, name, parts, kind):
        if name.startswith('/'):
            return 'is an absolute path'
        if '..' in parts:
            return 'leads out of the archive ("..")'
        if len(name.encode(errors='surrogateescape')) > LONGEST_NAME or re.search(r'[\x00-\x1f\x7f]', name):
            return 'has a name with control characters, or of more than %d bytes' % LONGEST_NAME
        own = '/'.join(parts)
        if kind != 'file' if own == MANIFEST else parts[0] not in PARTS or (len(parts) == 1 and kind != 'folder'):
            return 'belongs to no part of an archive (%s, %s)' % (MANIFEST, ', '.join(part + '/' for part in PARTS))
        above = ['/'.join(parts[:count]) for count in range(1, len(parts))]
        if any(folder in self._links for folder in above):
            return 'lies behind a link'
        if kind == 'link' and own in self._folders:
            return 'is a link in the place of a folder'
        if kind != 'folder' and own in self._names:
            return 'is there twice'
        if any(folder in self._names for folder in above) or (kind != 'folder' and own in self._folders):
            return 'is a file and a folder'
        self._folders.update(above, [own] if kind == 'folder' else [])
        if kind != 'folder':
            self._names.add(own)
        return ''


def leads_out(target, parts):
    """Whether a relative link leads out of its own tree, such as files/: each goes to a place of its own. “..” is taken at the
    begin only, where it goes up through folders; behind a name it may go up through another link."""
    steps = [step for step in target.split('/') if step not in ('', '.')]
    up = next((index for index, step in enumerate(steps) if step != '..'), len(steps))
    return target.startswith('/') or '..' in steps[up:] or up > len(parts) - 2


def shown(name):
    words = name.encode('utf-8', 'backslashreplace').decode()
    return '“%s”' % re.sub(r'[\x00-\x1f\x7f]', '?', words if len(words) <= 200 else words[:200] + '…')


def megabytes(size):
    return '%d MB' % -(-size // (1 << 20))


def counted(part, found):
    """What a part has, in words."""
    return '%s %s in %d files' % (part, megabytes(found['bytes']), found['count'])


def read_archive(source, judge, take):
    """@param take is given each entry that is right, and a stream of its content (None for what is no file)."""
    try:
        with tarfile.open(fileobj=Unpacked(source), mode='r|', tarinfo=Header, bufsize=16 * tarfile.RECORDSIZE) as tar:
            while True:
                member = tar.next()
                # Otherwise it keeps all of them.
                tar.members = []
                if member is None:
                    break
                entry = judge.take(member)
                if entry:
                    take(entry, tar.extractfile(member) if entry.kind == 'file' else None)
            read_rest(tar.fileobj)
    except tarfile.TarError as error:
        raise ArchiveFailure('The archive is damaged: it is no tar file, or is cut off (%s).' % error) from None
    if judge.mistakes:
        raise ArchiveFailure(judge.said())
    if judge.entries == 0:
        raise ArchiveFailure('The archive is empty.')


def read_rest(stream):
    """Up to its checksum. A damaged entry looks like the end, and has something behind it."""
    for _ in range(LONGEST_REST // PIECE):
        piece = stream.read(PIECE)
        if not piece:
            return
        if piece.strip(b'\0'):
            break
    raise ArchiveFailure('The archive is damaged: there is something behind its end.')


def pieces_of(stream):
    return iter(lambda: stream.read(PIECE), b'')


def read_manifest(text):
    """What Aegir says of the site (empty for others' archives), and who made it."""
    try:
        found = json.loads(text)
        about = found.get('aegir') if isinstance(found, dict) else None
        return (about if isinstance(about, dict) else {}), str(found.get('generator', ''))
    except ValueError:
        # Of others: YAML, of which only this is needed.
        made = re.search(r'^generator:\s*[\'"]?(.*?)[\'"]?\s*$', text, re.M)
        return {}, made.group(1) if made else ''


class Hashed:
    """What goes by, with its checksum."""

    def __init__(self, source):
        self._source, self._hash = source, hashlib.sha256()

    def read(self, size):
        piece = self._source.read(size)
        self._hash.update(piece)
        return piece

    def checksum(self):
        for piece in pieces_of(self._source):
            self._hash.update(piece)
        return self._hash.hexdigest()


class Survey:
    """What an archive has in it, noted while it goes by. @param keep is given entries of files/ and private/, and the dump as
    an entry of database/; each with a stream of its content."""

    # Where dumps say what they are and that they are whole.
    ENDS = 4096
    STARTED = re.compile(rb'^-- (MySQL|MariaDB) dump|^-- Host: ', re.M)

    def __init__(self, keep=None):
        self._keep = keep
        self.about, self.generator, self.database, self.strange = {}, '', False, []
        self._head = self._tail = b''

    def take(self, entry, stream):
        if entry.name == MANIFEST:
            self.about, self.generator = read_manifest(stream.read(LONGEST_MANIFEST).decode(errors='replace'))
        elif entry.name == DATABASE and stream:
            self.database = True
            self._follow(entry, stream)
        elif entry.parts[0] == 'database' and entry.kind != 'folder':
            self.strange.append(entry.name)
        elif entry.parts[0] in TREES and self._keep:
            self._keep(entry, stream)

    def _follow(self, entry, stream):
        watched = Watched(stream, self.ENDS)
        if self._keep:
            self._keep(entry, watched)
        for _ in pieces_of(watched):
            pass
        self._head, self._tail = watched.head, watched.tail

    def check(self, has_database):
        if self.STARTED.search(self._head) and b'-- Dump completed' not in self._tail:
            raise ArchiveFailure('%s is cut off: it has no last line “-- Dump completed”. Dump the database again.' % DATABASE)
        if has_database and not self.database:
            other = ', but %s' % ', '.join(map(shown, self.strange[:5])) if self.strange else ''
            raise ArchiveFailure('The archive has no %s%s, and the site has a database.' % (DATABASE, other))
        if self.database and not has_database:
            raise ArchiveFailure('The archive has a database, and the Environment has no database Server: choose one.')


class Watched:
    """A stream whose begin and end are remembered."""

    def __init__(self, stream, size):
        self._stream, self._size, self.head, self.tail = stream, size, b'', b''

    def read(self, size):
        piece = self._stream.read(size)
        if len(self.head) < self._size:
            self.head += piece[: self._size - len(self.head)]
        self.tail = (self.tail + piece[-self._size:])[-self._size:]
        return piece


def survey_archive(source, most_bytes, sha256, keep=None):
    """Goes through all of it. What was kept counts only when this returns."""
    survey, judge, hashed = Survey(keep), Judge(most_bytes), Hashed(source)
    read_archive(hashed, judge, survey.take)
    found = hashed.checksum()
    if found != sha256:
        raise ArchiveFailure('The archive has another checksum (%s) than when it was kept (%s): it was changed or is damaged.'
                             % (found, sha256))
    if not any(judge.found[part]['count'] for part in ('database', *TREES)):
        raise ArchiveFailure('The archive has neither a database (%s) nor files (%s).'
                             % (DATABASE, ', '.join(tree + '/' for tree in TREES)))
    return survey, judge
