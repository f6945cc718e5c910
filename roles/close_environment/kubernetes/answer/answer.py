"""Answers in the place of a site: a page with 503, or redirects. Settings come as JSON in the environment."""

import html
import json
import os
import re
import string
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8080
# Nobody else is waited for longer.
SECONDS = 10
# In which visitors may come again.
RETRY_SECONDS = '60'

rules = json.loads(os.environ.get('REDIRECTS') or 'null')
target = os.environ.get('TARGET', '')


def page():
    with open(os.path.join(os.path.dirname(sys.argv[0]), 'page.html'), encoding='utf-8') as file:
        words = {'title': os.environ['TITLE'], 'notice': os.environ['NOTICE']}
        return string.Template(file.read()).safe_substitute({name: html.escape(text) for name, text in words.items()}).encode()


def place_of(path):
    """Where a redirect leads: that of the path, else the same path under the canonical name."""
    asked, _, query = path.partition('?')
    for rule in rules:
        if rule['path'] == asked:
            return rule['code'], rule['target']
    return 301, target.rstrip('/') + path


class Answer(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    timeout = SECONDS
    server_version, sys_version = 'aegir', ''

    def answer(self):
        if rules is None:
            self.send(503, closed, {'Content-Type': 'text/html; charset=utf-8', 'Retry-After': RETRY_SECONDS, 'Cache-Control': 'no-store'})
            return
        code, place = place_of(self.path)
        if re.search(r'[\r\n]', place):
            self.send(400, b'', {})
        else:
            self.send(code, b'', {'Location': place})

    def send(self, code, content, headers):
        self.send_response(code)
        # What was sent along is not read: the next request would begin in it.
        for name, value in {**headers, 'Content-Length': str(len(content)), 'Connection': 'close'}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(content)

    def log_message(self, *_):
        """The ingress controller has a log."""

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # Many at once right after a site was closed.
    request_queue_size = 256


closed = page() if rules is None else b''
Server(('', PORT), Answer).serve_forever()
