// A real certificate authority for tests: Debian's pebble on a test host, which asks names by that host's own /etc/hosts.

import type { TestHost } from './test-host.ts';

export interface AcmeServer {
  /** Fields of a Cluster. */
  directory: string;
  ca: string;
  /** Who signs the certificates that it gives, in PEM format. */
  root: string;
}

const config = {
  listenAddress: '127.0.0.1:14000',
  managementListenAddress: '127.0.0.1:15000',
  certificate: '/srv/pebble/own.pem',
  privateKey: '/srv/pebble/own.key',
  httpPort: 80,
  tlsPort: 443,
  domainBlocklist: ['blocked.test'],
};

/** @returns why it cannot be had, when the package sources of the host do not have it. */
export async function startAcmeServer(host: TestHost): Promise<AcmeServer | string> {
  if ((await host.exec('apt-cache show pebble')).code !== 0)
    return 'The package sources of test hosts have no package pebble (a test ACME server).';
  const started = await host.exec(`set -e
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y install pebble >/dev/null
    mkdir -p /srv/pebble; cd /srv/pebble
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \\
      -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout own.key -out own.pem 2>/dev/null
    echo '${JSON.stringify({ pebble: config })}' >config.json
    systemd-run --quiet --unit pebble --setenv PEBBLE_VA_NOSLEEP=1 --setenv PEBBLE_WFE_NONCEREJECT=0 pebble -config /srv/pebble/config.json
    python3 -c "${waitFor}" /srv/pebble/root.pem; cat own.pem; echo ====; cat root.pem`);
  if (started.code !== 0) throw new Error(`pebble does not start: ${started.stderr}${started.stdout}`);
  const [ca = '', root = ''] = started.stdout.split('====\n');
  return { directory: 'https://localhost:14000/dir', ca, root };
}

const waitFor = `
import ssl, sys, time, urllib.request
context = ssl._create_unverified_context()
for attempt in range(300):
    try:
        root = urllib.request.urlopen('https://127.0.0.1:15000/roots/0', context=context).read()
        break
    except OSError:
        time.sleep(0.1)
open(sys.argv[1], 'wb').write(root)
`.replaceAll('"', '\\"');
