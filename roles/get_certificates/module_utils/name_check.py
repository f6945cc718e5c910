"""Whether a name points to this Server, seen as an authority sees it: a random file among the challenges, asked for by that name."""

from __future__ import annotations

import concurrent.futures
import os
import secrets
import socket
import ssl
import time
import urllib.error
import urllib.request

# As patient as authorities are.
SECONDS, TRIES = 10, 3


class NoCheck(urllib.request.HTTPSHandler):
    """A redirect to https is followed whatever its certificate is, as authorities do."""

    def __init__(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        super().__init__(context=context)


def addresses(name):
    return sorted({entry[4][0] for entry in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)})


def ask(name, token, content):
    """None = it points here; otherwise what was seen, and whether asking again may help."""
    try:
        where = ", ".join(addresses(name))
    except (OSError, UnicodeError) as error:
        return f"does not point here (no address is known: {getattr(error, 'strerror', error)})", True
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoCheck())
    try:
        with opener.open(f"http://{name}/.well-known/acme-challenge/{token}", timeout=SECONDS) as answer:
            if answer.read(len(content) + 1) == content:
                return None
            # What it answered is somebody else's, and may not be ours to show.
            return f"does not point here ({where} answers something else)", False
    except urllib.error.HTTPError as error:
        return f"does not point here ({where} answers {error.code})", error.code >= 500
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return f"does not point here ({where}: {getattr(reason, 'strerror', None) or reason})", True
    except Exception as error:  # http.client has many ways to say that this is no web server.
        return f"does not point here ({where} does not speak HTTP: {type(error).__name__})", False


def ask_patiently(name, token, content):
    for attempt in range(TRIES):
        seen = ask(name, token, content)
        if seen is None or not seen[1] or attempt == TRIES - 1:
            return seen[0] if seen else None
        time.sleep(1)


def check_names(folder, names):
    """{name: what was seen} of those that do not point here."""
    token, content = f"aegir-{secrets.token_hex(16)}", secrets.token_hex(32).encode()
    path = os.path.join(folder, token)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
            file.write(content)
        os.chmod(path, 0o644)
        with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
            seen = dict(zip(names, pool.map(lambda name: ask_patiently(name, token, content), names)))
    finally:
        if os.path.exists(path):
            os.unlink(path)
    return {name: words for name, words in seen.items() if words}
