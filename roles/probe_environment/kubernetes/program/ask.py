"""Asks the site for one page, as it is behind the ingress controller, until it answers rightly or clearly wrongly."""

import http.client
import json
import os
import re
import sys
import time

# The Service of the site.
HOST, PORT = 'site', 80
SECONDS = 10
# A change of a Service takes effect within a second or two, and a program may take some to answer.
TRIES = 15
# Of these waiting may make something better: none, and what stands in front of the site.
UNSETTLED = (-1, 502, 503, 504)
# Enough of a page to find a text in it.
MOST_BYTES = 4 * 1024 * 1024


def ask(name, path, secure):
    connection = http.client.HTTPConnection(HOST, PORT, timeout=SECONDS)
    try:
        scheme = 'https' if secure else 'http'
        connection.request('GET', path, headers={'Host': name, 'User-Agent': 'Aegir', 'X-Forwarded-Proto': scheme, 'X-Forwarded-Host': name})
        answer = connection.getresponse()
        return answer.status, answer.read(MOST_BYTES).decode(errors='replace')
    except (OSError, http.client.HTTPException) as error:
        return -1, str(error) or type(error).__name__
    finally:
        connection.close()


def wrong(status, body, wanted, text, address):
    begin = re.sub(r'\s+', ' ', re.sub(r'<[^>]*>', ' ', body)).strip()[:200]
    if status < 0:
        return f'{address} gives no answer within the cluster ({body}): are its pods ready?'
    if status not in wanted and status == 503:
        return f'{address} answers 503: the site is closed (run “Enable”), or the application itself says so. Its page begins: {begin}'
    if status not in wanted:
        return f'{address} answers {status} instead of {" or ".join(map(str, wanted))}. It begins: {begin}'
    return f'{address} does not contain “{text}”. It begins: {begin}' if text not in body else ''


def main():
    wanted, text = json.loads(os.environ['STATUS']), os.environ.get('TEXT', '')
    url, path = os.environ['URL'], os.environ['PROBE_PATH']
    name, began = re.sub(r'^https?://|/.*$', '', url), int(os.environ.get('BEGAN') or 0)
    for tried in range(TRIES):
        if tried:
            time.sleep(1)
        status, body = ask(name, path, url.startswith('https://'))
        why = wrong(status, body, wanted, text, url.rstrip('/') + path)
        if not why or (status not in UNSETTLED and tried > 1):
            break
    took = max(int(time.time()) - began, 0)
    verdict = {}
    # Without any answer it may be the cluster.
    if began and (not why or status > 0):
        verdict = {'verdict': {'state': 'failed', 'because': why} if why else {'state': 'proven', 'recovery_seconds': took}}
        if not why:
            verdict['summary'] = f'The page answered {took} s after the begin of the restore.'
    with open(os.environ['AEGIR_OUTPUTS'], 'w', encoding='utf-8') as file:
        json.dump({'changed': False, **({} if why else {'status': status, 'doubt': ''}), **verdict}, file)
    print(why or f'{url.rstrip("/")}{path} answers {status}.')
    sys.exit(1 if why else 0)


main()
