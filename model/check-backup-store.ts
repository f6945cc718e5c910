// What the fields of a Backup store must be like for its type, so that it is said where they are entered and not by the first
// backup. Values end in configuration of ssh and in addresses for restic.

import type { Problem } from './errors.ts';
import { checkAddress } from './names.ts';

type Check = (value: string) => string | null;

const fits =
  (pattern: RegExp, message: string): Check =>
  value =>
    pattern.test(value) ? null : message;

const url = (more: string, example: string): Check =>
  fits(new RegExp(`^https?://[A-Za-z0-9.:[\\]-]+${more}$`), `is no address such as ${example}, without a user.`);

const word = fits(/^[^\s\p{Cc}`]+$/u, 'must not contain spaces, line breaks or backquotes.');
const hostKeyLine = /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/]+=*( .*)?$/;

const checkHostKey: Check = value =>
  value
    .trim()
    .split('\n')
    .every(line => hostKeyLine.test(line.trim()))
    ? null
    : 'is no host key: its type and its text, such as “ssh-ed25519 AAAA…”, without the name of the server in front; each on a line.';

const checkPrivateKey: Check = value =>
  /^-----BEGIN [A-Z ]*PRIVATE KEY-----\s/.test(value.trim())
    ? null
    : 'is no private key: it begins with “-----BEGIN … PRIVATE KEY-----”.';

const checks: Record<string, Record<string, Check>> = {
  directory: {},
  sftp: {
    address: checkAddress,
    user: fits(/^[A-Za-z0-9_][A-Za-z0-9_.@+-]*$/, 'is no user name.'),
    private_key: checkPrivateKey,
    host_key: checkHostKey,
  },
  s3: {
    address: url('/?', 'https://s3.example.org'),
    folder: fits(/^[A-Za-z0-9._/-]*$/, 'may have letters, digits and “.”, “_”, “-” between the slashes.'),
    bucket: fits(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'is no bucket: 3 to 63 of a-z, 0-9, “.” and “-”.'),
    region: fits(/^[A-Za-z0-9-]+$/, 'is no region, such as eu-central-1.'),
    access_key: word,
    secret_key: word,
  },
  rest: { address: url('(/[A-Za-z0-9._/-]*)?', 'https://backup.example.org:8000') },
};

export function checkBackupStore(values: Record<string, unknown>): Problem[] {
  const problems = Object.entries(checks[String(values.type)] ?? {}).flatMap(([path, check]) => {
    const value = values[path];
    // A secret that stays was checked when it was entered.
    const message = typeof value === 'string' && value !== '' ? check(value) : null;
    return message ? [{ path, message }] : [];
  });
  const { port } = values;
  if (typeof port === 'number' && (port < 1 || port > 65535))
    problems.push({ path: 'port', message: 'must be from 1 to 65535.' });
  return problems;
}
