"""The database of an Environment, as its own account reaches it: over TLS, which is verified."""

from __future__ import annotations

import re
import shutil
import subprocess

from ansible.module_utils.aegir_secret_file import SecretFiles

SIZE = 'SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()'
OPTIONS = {
    'database': {'type': 'dict', 'default': {}},
    'password': {'type': 'str', 'no_log': True, 'default': ''},
}
# Newer clients write it at the begin of a dump, and older ones stop at it.
SANDBOX = re.compile(rb'^/\*M?!999999.*enable the sandbox mode')

# Codes of MariaDB's server that are not about the statement: too many connections, no memory, no right, disk full, packets,
# locks, limits of an account, ended by somebody. From 1900 on they are about the connection, from 2000 on the client's.
ELSEWHERE = {1021, 1037, 1038, 1040, 1041, 1044, 1045, 1053, 1114, 1129, 1130, 1142, 1143, 1153, 1203, 1205, 1213, 1226, 1227, 1290, 1317}

# Where the account is one of ours.
ADVICE = 'run “Install” on the Environment.'


class DatabaseFailure(Exception):
    """Its text is for a person."""


class StatementFailure(DatabaseFailure):
    """The database was there, and would not carry the statement out."""


def client_options(database, password, files):
    """Name of an options file for MariaDB's programs; `files` are SecretFiles."""
    wanted = [name for name in ('name', 'user', 'host') if not database.get(name)]
    if wanted:
        raise DatabaseFailure('The database of the Environment is not known (%s): run “Install” on it.' % ', '.join(wanted))
    values = {
        'host': database['host'],
        'port': database.get('port') or 3306,
        'user': database['user'],
        'password': password,
        'default-character-set': 'utf8mb4',
    }
    if database.get('socket'):
        values['socket'] = database['socket']
    if database.get('ssl'):
        values['ssl'] = 1
    if database.get('ca'):
        values.update({'ssl-ca': files.path(database['ca']), 'ssl-verify-server-cert': 1})
    lines = ['%s="%s"' % (key, str(value).replace('\\', '\\\\').replace('"', '\\"')) for key, value in values.items()]
    return files.path('\n'.join(['[client]', *lines, '']))


def dump_program():
    program = shutil.which('mariadb-dump') or shutil.which('mysqldump')
    if not program:
        raise DatabaseFailure('There is no mariadb-dump on the web Server: run “Prepare” on it.')
    return program


def size_of(database, password, advice=ADVICE):
    """Bytes on the database Server, about those of a dump; 0 without a database."""
    if not database:
        return 0
    with SecretFiles() as files:
        options = client_options(database, password, files)
        argv = ['mariadb', '--defaults-file=' + options, '--batch', '--skip-column-names', '-e', SIZE, '--', database['name']]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, pass_fds=files.fds)
    if done.returncode != 0:
        raise DatabaseFailure(explain(done.stderr, database, advice))
    return int(done.stdout)


def failure_of(words, database):
    codes = [int(code) for code in re.findall(r'\bERROR (\d+)', words)]
    about_statement = bool(codes) and all(code not in ELSEWHERE and code < 1900 for code in codes)
    return (StatementFailure if about_statement else DatabaseFailure)(explain(words, database))


def explain(words, database, advice=ADVICE):
    """What MariaDB's programs say, for a person. @param advice what to do when the account is not let in."""
    words = re.sub(r'\s+', ' ', words).strip()
    place = 'the database Server %s' % database.get('host')
    if re.search(r'\b(2002|2003|2005|2006|2013)\b|\b2026\b.*(eof|reset|closed|broken pipe)', words):
        return 'The database cannot be reached: %s does not answer. %s' % (place, words)
    if re.search(r'\b(1044|1045|1142)\b', words):
        return 'The database does not let the site in: %s %s' % (advice, words)
    if re.search(r'\b(1021|1114)\b|No space left|errno: 28|Errcode: 28', words):
        return 'The disk of %s is full. %s' % (place, words)
    return words
