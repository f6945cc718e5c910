import { execa } from 'execa';
import { expect, test } from 'vitest';
import { renderFenceCommand, renderLeaveCommand } from './fence.ts';
import { fingerprintOf, parseHostKey, parseKeyscan } from './ssh-host-keys.ts';
import { explainFailure, explainKey, isHostKeyFailure } from './ssh-problems.ts';
import { quoteWord, renderCommandArgv, renderForwardArgv, renderKeyscanArgv, renderMasterArgv } from './ssh-render.ts';
import { makeServer } from './test-run.ts';

const server = makeServer({ address: '-oProxyCommand=id', user: '-l', port: 2222 });

test('the master reads nobody’s configuration, asks nothing and accepts the pinned key only', () => {
  const argv = renderMasterArgv(server, { socket: '/r/s', knownHosts: '/r/known hosts', key: '/r/100%/key' });
  expect(argv.join(' ')).toBe(
    'ssh -F /dev/null -M -N -T -o ControlPath="/r/s" -o IdentityFile="/r/100%%/key" ' +
      '-o UserKnownHostsFile="/r/known hosts" -o GlobalKnownHostsFile=/dev/null -o HostKeyAlias=aegir-server ' +
      '-o StrictHostKeyChecking=yes -o UpdateHostKeys=no -o BatchMode=yes -o IdentitiesOnly=yes -o IdentityAgent=none ' +
      '-o PreferredAuthentications=publickey -o ConnectTimeout=10 -o ServerAliveInterval=4 -o ServerAliveCountMax=2 ' +
      '-p 2222 -l -l -- -oProxyCommand=id',
  );
});

test('a use of the master cannot connect by itself', () => {
  const options = '-F /dev/null -o ControlMaster=no -o ControlPath="/r/s" -o ProxyCommand=false -o BatchMode=yes';
  expect(renderCommandArgv('/r/s', 'id').join(' ')).toBe(`ssh ${options} -T -- aegir-server id`);
  expect(renderForwardArgv('/r/s', 'forward', 4711).join(' ')).toBe(
    `ssh ${options} -O forward -R 127.0.0.1:0:127.0.0.1:4711 -- aegir-server`,
  );
});

test('an address is never read as an option', () => {
  expect(renderKeyscanArgv(server).slice(-2)).toEqual(['--', '-oProxyCommand=id']);
});

test('values reach the shell of the target as one word each', async () => {
  const nasty = `it's; $(id) \`id\` "x" \\ *`;
  const { stdout } = await execa('sh', ['-c', `printf %s ${quoteWord(nasty)}`]);
  expect(stdout).toBe(nasty);
  expect(renderFenceCommand({ python: '/opt/my python', become: true, base: '' }, 'end', ['T1.2'])).toBe(
    "sudo -n '/opt/my python' -I -S - end '' T1.2",
  );
  expect(renderLeaveCommand({ become: true }, '/my runs/T1.2')).toBe(
    `/bin/sh -c 'sudo -n rm "$0" 2>/dev/null || [ -e "$0" ] || echo gone' '/my runs/T1.2'`,
  );
});

const ed25519 = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGt+8pfwF+MGOog0DsOv5ZKwNOR9aAV2l6C2qQnykYfg';

test('fingerprints are OpenSSH’s', async () => {
  const { stdout } = await execa('ssh-keygen', ['-lf', '-'], { input: `${ed25519}\n` });
  expect(stdout).toContain(fingerprintOf(ed25519));
});

test('a pinned key is recognised however it was pasted', () => {
  expect(parseHostKey(`web1,10.0.0.1 ${ed25519} root@web1\n`)).toBe(ed25519);
  expect(parseHostKey('SHA256:abc')).toBeNull();
});

test('of several host keys the best kind is pinned', () => {
  expect(parseKeyscan(`# host:22 SSH-2.0\nhost ssh-rsa AAAAB3\nhost ${ed25519}\n`)).toBe(ed25519);
  expect(parseKeyscan('')).toBeNull();
});

test('trouble of the transport may be tried again, a refused key may not', () => {
  const status = (stderr: string) => explainFailure(stderr, makeServer({})).status;
  expect(status('root@h: Permission denied (publickey).')).toBe('failed');
  expect(status('ssh: connect to host h port 22: Connection refused')).toBe('unreachable');
  expect(status('ssh: connect to host h port 22: Connection timed out')).toBe('unreachable');
  expect(status('ssh: Could not resolve hostname h: Name or service not known')).toBe('unreachable');
  expect(status('kex_exchange_identification: Connection closed by remote host')).toBe('unreachable');
  expect(isHostKeyFailure('Host key verification failed.')).toBe(true);
});

test('every problem says what to do', () => {
  const key = { publicKey: 'ssh-ed25519 AAAA me', fingerprint: 'SHA256:xyz' };
  const refused = explainFailure('Permission denied (publickey)', makeServer({}), key).message;
  expect(refused).toContain('SHA256:xyz');
  expect(refused).toContain('ssh-ed25519 AAAA me');
  expect(refused).toContain('~root/.ssh/authorized_keys');
  expect(
    explainKey('Load key: incorrect passphrase supplied to decrypt private key', makeServer({})).message,
  ).toContain('has a passphrase');
  expect(explainKey('error in libcrypto', makeServer({})).message).toContain('OpenSSH or PEM');
});
