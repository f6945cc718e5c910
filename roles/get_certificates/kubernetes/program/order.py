"""Gets certificates in a pod by the role of Servers: gives it what was got before, answers the authority while it runs, and writes
what it has got into the Secrets. Usage: order.py ENVIRONMENT"""

import base64
import http.server
import io
import json
import os
import re
import ssl
import subprocess
import sys
import tarfile
import threading
import urllib.error
import urllib.request

# As on a Server: its folder of everything of Aegir.
BASE = '/var/lib/aegir'
CHALLENGES = BASE + '/acme'
CERTBOT = BASE + '/certbot/config'
STATE = '/state'
ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount/'
PORT = 8080
SECONDS = 30
CERTIFICATE = re.compile('-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----', re.DOTALL)
KEY = re.compile('-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?-----END \\1PRIVATE KEY-----', re.DOTALL)


class Answer(http.server.BaseHTTPRequestHandler):
    """Challenges, and nothing else."""

    timeout = SECONDS

    def do_GET(self):
        found = re.fullmatch(r'/\.well-known/acme-challenge/([A-Za-z0-9_-]+)', self.path)
        body = read(os.path.join(CHALLENGES, found.group(1))) if found else None
        self.send_response(404 if body is None else 200)
        self.send_header('Content-Length', str(len(body or b'')))
        self.end_headers()
        self.wfile.write(body or b'')

    def log_message(self, format, *arguments):
        pass


def read(path):
    try:
        with open(path, 'rb') as file:
            return file.read()
    except OSError:
        return None


def bring_back(kept):
    """What the last run left: the account at the authority, and the certificate."""
    os.makedirs(os.path.dirname(kept), mode=0o700)
    os.makedirs(CHALLENGES)
    certificate, account = read(STATE + '/acme.pem'), read(STATE + '/account.tar')
    if certificate:
        with open(kept, 'wb') as file:
            file.write(certificate)
    if account:
        os.makedirs(CERTBOT, mode=0o700)
        with tarfile.open(fileobj=io.BytesIO(account)) as archive:
            # Of our own making: the Secret is written by this program only.
            archive.extractall(CERTBOT)


def pack_account():
    """Only the account: certificates are kept by the role, and certbot's own files of them are of no use."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode='w') as archive:
        if os.path.isdir(CERTBOT + '/accounts'):
            archive.add(CERTBOT + '/accounts', 'accounts')
    return packed.getvalue()


def write_secret(name, values):
    namespace = read(ACCOUNT + 'namespace').decode()
    host, port = os.environ['KUBERNETES_SERVICE_HOST'], os.environ['KUBERNETES_SERVICE_PORT']
    host = '[%s]' % host if ':' in host else host
    data = {key: base64.b64encode(value).decode() for key, value in values.items()}
    request = urllib.request.Request(
        'https://%s:%s/api/v1/namespaces/%s/secrets/%s' % (host, port, namespace, name),
        json.dumps({'data': data}).encode(),
        {'Authorization': 'Bearer ' + read(ACCOUNT + 'token').decode(), 'Content-Type': 'application/merge-patch+json'},
        method='PATCH',
    )
    context = ssl.create_default_context(cafile=ACCOUNT + 'ca.crt')
    urllib.request.urlopen(request, timeout=SECONDS, context=context).close()


def keep(kept, before):
    """Secrets, where something has changed. The ingress controller sees its own at once."""
    certificate = read(kept)
    account = pack_account()
    if account != before['account'] or certificate != before['certificate']:
        write_secret('acme', {'account.tar': account, **({'acme.pem': certificate} if certificate else {})})
    if certificate:
        text = certificate.decode()
        chain = '\n'.join(CERTIFICATE.findall(text)) + '\n'
        write_secret('certificate', {'tls.crt': chain.encode(), 'tls.key': (KEY.search(text).group() + '\n').encode()})


def main(environment):
    kept = os.path.join(BASE, 'certificates', environment, 'acme.pem')
    os.umask(0o077)
    bring_back(kept)
    before = {'account': pack_account(), 'certificate': read(kept)}
    server = http.server.ThreadingHTTPServer(('', PORT), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    code = subprocess.run([sys.executable, '/aegir/role.pyz', '/aegir/vars.yml']).returncode
    try:
        keep(kept, before)
    except (OSError, urllib.error.HTTPError) as error:
        words = error.read(1000).decode(errors='replace') if isinstance(error, urllib.error.HTTPError) else ''
        print('What was got could not be written into the Secrets of the site: %s %s' % (error, words))
        return code or 1
    return code


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
