"""Whom the firewall of a database Server lets in: the table that “Prepare” loads (prepare_database_server)."""

from __future__ import annotations

import ipaddress
import subprocess

TABLE = 'inet', 'aegir_database'


def ask(*argv):
    """What it prints; None when it fails."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def is_loaded():
    return ask('/usr/sbin/nft', 'list', 'table', *TABLE) is not None


def is_let_in(client):
    """An address or a network. A machine reaches itself by the loopback, which is always let in, by whatever address."""
    if (ask('ip', '-o', 'route', 'get', client) or '').startswith('local '):
        return True
    try:
        network = ipaddress.ip_network(client, strict=False)
    except ValueError:
        # “Prepare” says so.
        return False
    # nft finds no network of one address.
    element = network if network.num_addresses > 1 else network.network_address
    return ask('/usr/sbin/nft', 'get', 'element', *TABLE, 'web%d' % network.version, '{ %s }' % element) is not None
