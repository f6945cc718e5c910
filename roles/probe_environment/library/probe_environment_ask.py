#!/usr/bin/python
"""Asks a site for one page through the web server of this machine, whatever the DNS says of its name. A certificate that is not
trusted is told, and the page is asked for all the same: tests have authorities of their own."""

from __future__ import annotations

import http.client
import socket
import ssl
import time

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: probe_environment_ask
short_description: Ask a site for a page
options:
  name: {type: str, required: true, description: Name of the site.}
  secure: {type: bool, required: true, description: By HTTPS.}
  port: {type: int, required: true, description: Port of the web server.}
  path: {type: str, required: true, description: What is asked for.}
"""

SECONDS = 10
# Enough of a page to find a text in it.
MOST_BYTES = 4 * 1024 * 1024


def connect(options, trusting):
    connection = socket.create_connection(("127.0.0.1", options["port"]), timeout=SECONDS)
    if not options["secure"]:
        return connection
    context = ssl.create_default_context()
    if trusting:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        return context.wrap_socket(connection, server_hostname=options["name"])
    except BaseException:
        connection.close()
        raise


def connect_anyhow(options):
    try:
        return connect(options, False), ""
    except ssl.SSLCertVerificationError as error:
        return connect(options, True), error.verify_message


def ask(options):
    usual = 443 if options["secure"] else 80
    host = options["name"] if options["port"] == usual else f"{options['name']}:{options['port']}"
    connection = http.client.HTTPConnection("127.0.0.1", options["port"], timeout=SECONDS)
    connection.sock, doubt = connect_anyhow(options)
    try:
        connection.request("GET", options["path"], headers={"Host": host, "User-Agent": "Aegir"})
        answer = connection.getresponse()
        return {"status": answer.status, "content": answer.read(MOST_BYTES).decode(errors="replace"), "doubt": doubt}
    finally:
        connection.close()


def main():
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "secure": {"type": "bool", "required": True},
            "port": {"type": "int", "required": True},
            "path": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        found = ask(module.params)
    except (OSError, http.client.HTTPException) as error:
        module.exit_json(changed=False, status=-1, content="", doubt="", at=0, msg=str(error) or type(error).__name__)
    if found["doubt"]:
        module.warn(f"Visitors may not trust the certificate of {module.params['name']}: {found['doubt']}.")
    module.exit_json(changed=False, at=int(time.time()), **found)


if __name__ == "__main__":
    main()
