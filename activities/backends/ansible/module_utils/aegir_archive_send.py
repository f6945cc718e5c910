"""Makes portable archives of sites (aegir_archive.py reads them), and takes them to the control plane and from there, through
the connection of the run. Nothing is held in memory, and none lies on the Server's disk."""

from __future__ import annotations

import gzip
import http.client
import io
import json
import os
import stat
import tarfile
import time
from urllib.parse import urlencode, urlsplit

from ansible.module_utils.aegir_archive import DATABASE, MANIFEST, PIECE, ArchiveFailure, counted, leads_out, megabytes, shown

# The control plane may be slow to write, and says nothing meanwhile.
TIMEOUT_SECONDS = 600
# Of modules that take or bring an archive: `aegir` of the run has them.
OPTIONS = {
    'feedback_url': {'type': 'str', 'required': True},
    'feedback_token': {'type': 'str', 'required': True, 'no_log': True},
}


class Writer:
    """Writes an archive into a stream. Folders and files are opened by descriptors, one within the other, so that nobody who
    owns them can lead us elsewhere meanwhile."""

    def __init__(self, output, secrets=()):
        self._packed = gzip.GzipFile(fileobj=output, mode='wb', compresslevel=4, mtime=0)
        self._tar = tarfile.open(fileobj=self._packed, mode='w|', format=tarfile.PAX_FORMAT)
        self._secrets = [secret.encode() for secret in secrets if len(secret) >= 8]
        self.found = {}
        self.left = []
        self.unreadable = []

    def add_text(self, name, text):
        content = text.encode()
        self._tar.addfile(self._header(name, size=len(content)), io.BytesIO(content))

    def add_file(self, name, file):
        size = os.fstat(file.fileno()).st_size
        self._count(name, size)
        self._tar.addfile(self._header(name, size=size), file)

    def add_tree(self, name, path, searched=False):
        """@param searched: files with secrets in them are left out."""
        self.found.setdefault(name.split('/')[0], {'count': 0, 'bytes': 0})
        self._tar.addfile(self._header(name, type=tarfile.DIRTYPE, mode=0o755))
        for place, folders, files, descriptor in os.fwalk(path, follow_symlinks=False, onerror=self._note):
            # What is version control's is not of the site.
            folders[:] = sorted(each for each in folders if not (searched and each == '.git'))
            below = os.path.relpath(place, path)
            prefix = name if below == '.' else name + '/' + below
            for each in sorted(folders + files):
                self._add(prefix + '/' + each, each, descriptor, searched)

    def _note(self, error):
        if isinstance(error, PermissionError):
            self.unreadable.append(str(error.filename))

    def _add(self, name, each, folder, searched):
        found = os.stat(each, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            self._tar.addfile(self._header(name, found, type=tarfile.DIRTYPE))
        elif stat.S_ISLNK(found.st_mode):
            self._add_link(name, os.readlink(each, dir_fd=folder), found)
        elif stat.S_ISREG(found.st_mode):
            self._add_content(name, each, folder, searched)
        else:
            self.left.append(name)

    def _add_link(self, name, target, found):
        # What leads out is of the Server, such as settings with their passwords.
        if leads_out(target, name.split('/')):
            self.left.append(name)
            return
        self._count(name, 0)
        self._tar.addfile(self._header(name, found, type=tarfile.SYMTYPE, linkname=target))

    def _add_content(self, name, each, folder, searched):
        try:
            descriptor = os.open(each, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        except PermissionError:
            self.unreadable.append(name)
            return
        except OSError:
            # It is gone, or has become something else: the site goes on.
            self.left.append(name)
            return
        with open(descriptor, 'rb') as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                self.left.append(name)
                return
            # One that is small is what it was at one moment; a secret is in no large one.
            content = file.read(8 * PIECE) if found.st_size <= 8 * PIECE else None
            if searched and content is not None and any(secret in content for secret in self._secrets):
                self.left.append(name)
                return
            size = found.st_size if content is None else len(content)
            self._count(name, size)
            try:
                self._tar.addfile(self._header(name, found, size=size), file if content is None else io.BytesIO(content))
            except OSError as error:
                if 'unexpected end of data' not in str(error):
                    raise
                raise ArchiveFailure('%s became shorter while it was packed: begin again.' % shown(name)) from None

    def _count(self, name, size):
        part = self.found.setdefault(name.split('/')[0], {'count': 0, 'bytes': 0})
        part['count'] += 1
        part['bytes'] += size

    def _header(self, name, found=None, **values):
        header = tarfile.TarInfo(name)
        header.mode = stat.S_IMODE(found.st_mode) & 0o777 if found else 0o644
        header.mtime = int(found.st_mtime) if found else int(time.time())
        for key, value in values.items():
            setattr(header, key, value)
        return header

    def close(self):
        self._tar.close()
        self._packed.close()


def pack_site(output, about, trees, dump=None, secrets=()):
    """The writer, with what it has found. @param trees folder of each part, or of a folder in one (`private/files`); @param dump an open file; @param about what the
    manifest says of the site; @param secrets what no file of the code may have in it."""
    writer = Writer(output, secrets)
    # The keys are those of drush archive:dump; JSON is YAML as well.
    manifest = {
        'datestamp': int(time.time()),
        'formatversion': '1.0',
        'components': {'code': 'code' in trees, 'files': 'files' in trees, 'database': dump is not None},
        'description': None,
        'tags': None,
        'generator': 'Aegir',
        'generatorversion': '5',
        'aegir': about,
    }
    writer.add_text(MANIFEST, json.dumps(manifest, indent=2, sort_keys=True) + '\n')
    if dump:
        writer.add_file(DATABASE, dump)
    for tree, path in trees.items():
        writer.add_tree(tree, path, searched=tree == 'code')
    writer.close()
    if writer.unreadable:
        raise ArchiveFailure('These cannot be read: %s. Nothing was kept.' % ', '.join(map(shown, sorted(writer.unreadable)[:20])))
    return writer


class Courier:
    """Takes archives to the control plane, and fetches them from there, through the connection of the run."""

    def __init__(self, options):
        """@param options has OPTIONS."""
        self._parts, self._token = urlsplit(options['feedback_url'].rstrip('/') + '/archive'), options['feedback_token']

    def _connect(self):
        kind = http.client.HTTPSConnection if self._parts.scheme == 'https' else http.client.HTTPConnection
        return kind(self._parts.hostname, self._parts.port, timeout=TIMEOUT_SECONDS)

    def fetch(self):
        """The packed stream."""
        connection = self._connect()
        try:
            connection.request('GET', self._parts.path, headers={'Authorization': 'Bearer ' + self._token})
            answer = connection.getresponse()
        except OSError as error:
            raise ArchiveFailure('The control plane does not answer (%s).' % error) from None
        if answer.status != 200:
            raise ArchiveFailure(explain(answer))
        return Fetched(answer)

    def bring(self, write, about=None):
        """What the control plane says of it. @param write is given a stream; what it raises leaves nothing there. @param about
        what it is to know of the site, where it knows none."""
        connection = self._connect()
        try:
            connection.putrequest('PUT', self._parts.path + ('?' + urlencode(about) if about else ''))
            for name, value in {'Authorization': 'Bearer ' + self._token, 'Content-Type': 'application/gzip',
                                'Transfer-Encoding': 'chunked'}.items():
                connection.putheader(name, value)
            connection.endheaders()
            output = Chunked(connection)
            try:
                write(output)
                output.end()
            except (BrokenPipeError, ConnectionResetError):
                # It has refused the rest, and said why.
                pass
            answer = connection.getresponse()
            if answer.status != 201:
                raise ArchiveFailure(explain(answer))
            told = json.loads(answer.read())
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and error.errno in (28, 2, 13):
                raise
            raise ArchiveFailure('The archive did not arrive: the control plane does not answer (%s).' % error) from None
        finally:
            # Without its last piece it is none, and is thrown away there.
            connection.close()
        if told['bytes'] != output.bytes:
            raise ArchiveFailure('The control plane has another number of bytes of the archive than were sent. Begin again.')
        return told


class Fetched:
    """A packed stream on its way."""

    def __init__(self, answer):
        self._answer = answer

    def read(self, size):
        try:
            return self._answer.read(size)
        except (OSError, http.client.HTTPException) as error:
            raise ArchiveFailure('The archive did not arrive whole: the connection was cut off (%s).' % error) from None


class Chunked(io.RawIOBase):
    """A body whose length nobody knows beforehand."""

    def __init__(self, connection):
        self._connection, self._waiting, self.bytes = connection, [], 0
        self._held = 0

    def writable(self):
        return True

    def write(self, piece):
        piece = bytes(piece)
        self._waiting.append(piece)
        self._held += len(piece)
        if self._held >= 1 << 16:
            self.flush()
        return len(piece)

    def flush(self):
        if self._held:
            body = b''.join(self._waiting)
            self._waiting, self._held = [], 0
            self.bytes += len(body)
            self._connection.send(b'%x\r\n%b\r\n' % (len(body), body))

    def end(self):
        self.flush()
        self._connection.send(b'0\r\n\r\n')


def explain(answer):
    """What the control plane says, for a person."""
    try:
        said = json.loads(answer.read(1 << 16)).get('detail')
    except ValueError:
        said = None
    return said or 'The control plane answered %d.' % answer.status


def outputs_of(told, found):
    """Of a Task that has brought it. @param told what the control plane says of it."""
    parts = [counted(part, each) for part, each in sorted(found.items())]
    return {
        'archive': told['id'],
        'path': '/api/archives/%s/content' % told['id'],
        'bytes': told['bytes'],
        'sha256': told['sha256'],
        'summary': '%s, %s: %s' % (told['name'], megabytes(told['bytes']), ', '.join(parts)),
    }
