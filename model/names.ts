// The rules of every named format of strings (host names, git addresses, paths, ...). Each check answers null or a sentence
// that says what is wrong and what to do. Values reach command lines of git and ssh: nothing may look like an option.

import type { FieldFormat } from './fields.ts';
import { checkImageDigest } from './image-names.ts';
import { checkKeepRule } from './retention.ts';

export type FormatCheck = (value: string) => string | null;

/** Name of a unix user, folder and DNS label at once: hence one label of RFC 1123, at most 63 characters. */
export function checkName(value: string): string | null {
  if (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(value)) return null;
  if (value.length > 63) return 'is longer than 63 characters: shorten it.';
  return 'must consist of a-z, 0-9 and "-", and begin and end with a letter or digit.';
}

/** RFC 1123 labels in lower case, RFC 1035 length; an IP address is not a host name (its last label is a number). */
export function checkHostName(value: string): string | null {
  if (value === '') return 'is empty: give a host name such as www.example.org.';
  if (hasNonAscii(value)) return `has characters beyond ASCII: write it as punycode${punycodeHint(value)}.`;
  if (value !== value.toLowerCase()) return `must be in lower case: ${printable(value.toLowerCase())}.`;
  if (isIpAddress(value)) return 'is an IP address: give a host name.';
  if (value.length > 253) return 'is longer than 253 characters: shorten it.';
  for (const label of value.split('.')) {
    const problem = checkLabel(label);
    if (problem) return problem;
  }
  if (/^[0-9]+$/.test(value.slice(value.lastIndexOf('.') + 1)))
    return 'ends in a number: give a host name, not an address.';
  return null;
}

/** A host name, or `*.` before one: whatever stands in front of it, for a web server and (one part only) a certificate. */
export function checkHostPattern(value: string): string | null {
  if (!value.includes('*')) return checkHostName(value);
  const [, base = ''] = /^\*\.([^*]*)$/.exec(value) ?? [];
  if (!base) return 'may have "*" only as its whole first part: *.example.org.';
  const problem = checkHostName(base);
  if (problem) return `has a part behind the "*." that ${problem}`;
  return base.includes('.')
    ? null
    : `would take all names that end in ".${base}": give two parts or more, such as *.example.org.`;
}

function checkLabel(label: string): string | null {
  if (label === '') return 'has an empty part: remove the dot at its begin or end, or the double one.';
  if (label.length > 63) return `has a part of more than 63 characters ("${label.slice(0, 20)}…"): shorten it.`;
  if (/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(label)) return null;
  return `has the part "${printable(label)}": use a-z, 0-9 and "-" inside, without scheme, port or path.`;
}

export function checkAddress(value: string): string | null {
  if (isIpAddress(value)) return null;
  if (/^[0-9.]+$/.test(value)) return 'is not an IPv4 address: it has four numbers from 0 to 255.';
  if (value.includes(':')) return 'is not an IPv6 address; a port has a field of its own.';
  return checkHostName(value);
}

export function isIpAddress(value: string): boolean {
  const octet = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
  if (new RegExp(`^${octet}(\\.${octet}){3}$`).test(value)) return true;
  // A zone (`fe80::1%eth0`) names an interface; link-local addresses need one.
  const address = value.replace(/%[a-zA-Z0-9][a-zA-Z0-9._-]{0,31}$/, '');
  return address.includes(':') && /^[0-9a-fA-F:.]+$/.test(address) && URL.canParse(`http://[${address}]/`);
}

const gitSchemes = ['https', 'http', 'ssh', 'git', 'file'];
/** Tokens that hosts of code hand out, known by their beginning: a user name that is one is a password. */
const tokenBeginning = /^(gh[pousr]_|github_pat_|glpat-|gitlab-ci-token|x-access-token|x-token-auth|oauth2)/i;

export function checkGitUrl(value: string): string | null {
  if (value === '') return 'is empty: give the address of a git repository.';
  // Longer than any server accepts in a request line.
  if (value.length > 2048) return 'is longer than 2048 characters.';
  if (hasControl(value) || /\s/.test(value)) return 'must not contain spaces or control characters.';
  if (value.startsWith('-')) return 'must not begin with "-".';
  if (/^[a-z0-9+.-]+::/i.test(value))
    return 'names a git transport helper ("…::"), which could run commands: use https or ssh.';
  if (value.includes('\\')) return 'must not contain "\\".';
  // git hands the decoded address to credential helpers line by line.
  if (/%(0|1)[0-9a-f]|%7f/i.test(value)) return 'must not contain encoded control characters.';
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value)?.[1];
  return scheme === undefined ? checkScpLike(value) : checkUrlWithScheme(value, scheme);
}

function checkScpLike(value: string): string | null {
  if (value.startsWith('/') || value.startsWith('.'))
    return 'is a path: write file:///… for a repository on this machine.';
  const parts = /^([a-zA-Z0-9_][a-zA-Z0-9_.-]*)@(\[[0-9a-fA-F:.]+\]|[^:/@[\]]+):([^:].*)$/.exec(value);
  const [, , host = '', path = ''] = parts ?? [];
  if (!parts) return 'is not a git address: use https://host/path, ssh://user@host/path or user@host:path.';
  if (path.startsWith('-')) return 'has a path that begins with "-".';
  return checkHostPart(host);
}

function checkUrlWithScheme(value: string, scheme: string): string | null {
  if (!gitSchemes.includes(scheme)) {
    return `has the scheme "${printable(scheme)}": use one of ${gitSchemes.join(', ')} (in lower case).`;
  }
  const rest = value.slice(scheme.length + 3);
  const [authority = '', path = ''] = splitAt(rest, rest.search(/[/?#]/));
  if (scheme === 'file') {
    return authority === '' ? checkAbsolutePath(path) : 'must name an absolute path: file:///path/to/repository.';
  }
  const at = authority.lastIndexOf('@');
  const problem = at < 0 ? null : checkUser(authority.slice(0, at));
  if (problem) return problem;
  const host = /^(.*?)(:[0-9]{1,5})?$/.exec(authority.slice(at + 1))?.[1] ?? '';
  if (path.replace(/^\/+/, '') === '') return 'has no path: add that of the repository.';
  if (/^\/-/.test(path)) return 'has a path that begins with "-".';
  return checkHostPart(host);
}

function checkUser(user: string): string | null {
  if (user.includes(':') || /%3a/i.test(user) || tokenBeginning.test(user)) {
    return 'contains a password or token: take it out, and give the Project a deploy key instead.';
  }
  return /^[a-zA-Z0-9_][a-zA-Z0-9_.+%-]*$/.test(user) ? null : 'has a user name that cannot be used.';
}

function checkHostPart(host: string): string | null {
  const plain = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  if (plain.includes(':') && plain === host) return 'has a host or port that cannot be used.';
  const problem = checkAddress(plain.toLowerCase());
  return problem && `has a host that ${problem}`;
}

/** The rules of git-check-ref-format(1) with --allow-onelevel; a full hash keeps them too. */
export function checkGitRef(value: string): string | null {
  if (value === '') return 'is empty: give a branch, a tag or a commit hash.';
  if (value.startsWith('-')) return 'must not begin with "-".';
  // A name is a file below .git/refs: what file systems allow.
  if (value.length > 255) return 'is longer than 255 characters.';
  if (hasControl(value) || /[\s~^:?*[\\]/.test(value)) {
    return 'must not contain spaces, control characters or any of ~ ^ : ? * [ \\: give the plain name of a branch or tag.';
  }
  if (value.includes('..') || value.includes('@{') || value === '@')
    return 'must not contain ".." or "@{", nor be "@".';
  if (value.startsWith('/') || value.endsWith('/') || value.includes('//'))
    return 'must not begin or end with "/", nor contain "//".';
  if (value.endsWith('.')) return 'must not end with ".".';
  if (value.split('/').some(part => part.startsWith('.') || part.endsWith('.lock'))) {
    return 'has a part that begins with "." or ends with ".lock".';
  }
  return null;
}

export function checkGitHash(value: string): string | null {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(value)
    ? null
    : 'is not a full commit hash: 40 (or 64) digits 0-9 and a-f.';
}

export function checkAbsolutePath(value: string): string | null {
  if (!value.startsWith('/')) return 'must be an absolute path: begin it with "/".';
  if (hasControl(value)) return 'must not contain control characters or line breaks.';
  if (value.split('/').includes('..')) return 'must not contain "..": write the path out.';
  // PATH_MAX of Linux, its final NUL included.
  return value.length > 4095 ? 'is longer than 4095 characters.' : null;
}

/** `/old-path target [code]`; the target is a path or an address. It becomes a line of a web server's configuration. */
export function checkRedirect(value: string): string | null {
  const [from = '', to = '', code = '301', ...rest] = value.trim().split(/\s+/);
  if (hasControl(value) || /["'\\;{}$`]/.test(value))
    return 'must not contain control characters or any of " \' \\ ; { } $ `: write them percent-encoded.';
  if (!/^\/[^\s?#]*$/.test(from)) return 'must begin with the old path, such as /old, without "?" and "#".';
  if (!to) return `has no target: write "${printable(from)} /new" or "${printable(from)} https://example.org/new".`;
  if (!to.startsWith('/') && !(/^https?:\/\//.test(to) && URL.canParse(to)))
    return 'has a target that is neither a path nor an http(s) address.';
  if (rest.length > 0 || !['301', '302', '307', '308'].includes(code))
    return 'must end after the target, or with one of 301, 302, 307, 308.';
  return null;
}

export function checkHttpsUrl(value: string): string | null {
  if (hasControl(value) || /[\s"'\\]/.test(value)) return 'must not contain spaces, quotes or control characters.';
  if (!value.startsWith('https://') || !URL.canParse(value)) return 'must be an address that begins with https://.';
  const { username, password } = new URL(value);
  return username || password ? 'contains a user or a password: take it out.' : null;
}

/** What certificate authorities and mail servers take; the whole of RFC 5321 is wider than anybody uses. */
export function checkMailAddress(value: string): string | null {
  const [, host = ''] = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}@(.+)$/.exec(value) ?? [];
  if (!host) return 'is not a mail address such as ada@example.org.';
  const problem = checkHostName(host.toLowerCase());
  return problem && `has a part behind the "@" that ${problem}`;
}

/** Any number of lines. NUL cannot be stored by PostgreSQL nor passed in an environment or argument. */
export function checkText(value: string): string | null {
  return value.includes('\0') ? 'contains a NUL character: remove it.' : null;
}

/** Of the name of a container image: host with port, repository, tag or digest (distribution's reference grammar). */
const imageName =
  /^(?:[a-zA-Z0-9.-]+(?::\d{1,5})?\/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;
const longestImageName = 255;

export function checkImage(value: string): string | null {
  return value.length <= longestImageName && imageName.test(value)
    ? null
    : 'must be the name of an image, such as registry.example.org/tools:1, without “https://”.';
}

const formatChecks: Record<FieldFormat, FormatCheck> = {
  name: checkName,
  host_name: checkHostName,
  host_pattern: checkHostPattern,
  address: checkAddress,
  git_url: checkGitUrl,
  git_ref: checkGitRef,
  git_hash: checkGitHash,
  image: checkImage,
  absolute_path: checkAbsolutePath,
  redirect: checkRedirect,
  https_url: checkHttpsUrl,
  mail_address: checkMailAddress,
  time: checkTime,
  keep_rule: checkKeepRule,
  image_digest: checkImageDigest,
  text: checkText,
};

export function checkFormat(format: FieldFormat, value: string): string | null {
  return formatChecks[format](value);
}

function hasControl(value: string): boolean {
  return [...value].some(character => isControl(character.codePointAt(0) ?? 0));
}

/** RFC 3339 with its offset, seconds left out or not: a moment that is the same for everybody. */
export function checkTime(value: string): string | null {
  const isWhole = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(value);
  return isWhole && !Number.isNaN(Date.parse(value))
    ? null
    : 'is not a moment: write it as 2027-01-31T18:00Z, or with an offset as 2027-01-31T18:00+01:00.';
}

/** C0, DEL and C1, and the two separators of Unicode that terminals and logs treat as line breaks. */
function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || code === 0x2028 || code === 0x2029;
}

function hasNonAscii(value: string): boolean {
  return [...value].some(character => (character.codePointAt(0) ?? 0) > 0x7e);
}

function printable(value: string): string {
  const shown = [...value].map(character => (isControl(character.codePointAt(0) ?? 0) ? '?' : character)).join('');
  return shown.length > 80 ? `${shown.slice(0, 80)}…` : shown;
}

function punycodeHint(value: string): string {
  const address = `http://${value}/`;
  const host = URL.canParse(address) ? new URL(address).hostname : '';
  return host.startsWith('xn--') || host.includes('.xn--') ? ` (${host})` : '';
}

function splitAt(text: string, index: number): [string, string] {
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index)];
}

/** For names that nobody has yet: `20261122-091507`, UTC. */
export const stampOf = (time: Date): string =>
  time
    .toISOString()
    .replace(/[-:]|\..*/g, '')
    .replace('T', '-');
