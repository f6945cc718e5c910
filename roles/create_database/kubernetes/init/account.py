"""Writes the SQL that MariaDB carries out at its start: the account of the site, with the password of now."""

import os
import sys


def quoted(text):
    return "'" + text.replace('\\', '\\\\').replace("'", "\\'") + "'"


name, user = os.environ['MARIADB_DATABASE'], quoted(os.environ['MARIADB_USER'])
password = quoted(os.environ['MARIADB_PASSWORD'])
with open(sys.argv[1], 'w', encoding='utf-8', opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
    # A statement is a line here.
    file.write(f"""CREATE DATABASE IF NOT EXISTS `{name}`;
CREATE USER IF NOT EXISTS {user}@'%' IDENTIFIED BY {password};
ALTER USER {user}@'%' IDENTIFIED BY {password};
GRANT ALL PRIVILEGES ON `{name}`.* TO {user}@'%';
""")
