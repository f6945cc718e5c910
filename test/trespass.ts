// What the code of one Environment can try, to find something of the others on its Server. Each attempt is for all of them at
// once, its own included: there it must find something, or it would prove nothing of the others.

import { expect } from 'vitest';
import type { TestHost } from './test-host.ts';

export const base = '/var/lib/aegir';
export const folderOf = (name: string) => `${base}/environments/${name}`;

/** A site whose program does whatever a visitor says (worse than any hole). */
export interface OpenSite {
  name: string;
  /** What nobody else may ever see. */
  secrets: string[];
  /** A shell command, started by the program for visitors. */
  shell(command: string): Promise<string>;
  /** The program for visitors itself reads files and folders: each word of the command that is one, or a pattern of some. */
  read(command: string): Promise<string>;
  /** A shell command of the Environment's program `run`. */
  run(command: string): Promise<string>;
}

/** For `OpenSite`: ?sh= is a shell command, ?php= a program. */
export const openPhp = `<?php
if (isset($_GET['sh'])) {
    header('content-type: text/plain');
    passthru($_GET['sh'] . ' 2>&1');
    exit;
}
if (isset($_GET['php'])) {
    header('content-type: text/plain');
    eval($_GET['php']);
    exit;
}
`;

export const readInPhp = (command: string) =>
  `foreach (preg_split('/\\s+/', '${command}') as $word) foreach (glob($word) as $path) { echo @file_get_contents($path); print_r(@scandir($path)); }`;

export async function runOn(host: TestHost, name: string, command: string): Promise<string> {
  const { stdout, stderr } = await host.exec(
    `cd / && ${folderOf(name)}/run sh -c '${command.replaceAll("'", "'\\''")}'`,
  );
  return stdout + stderr;
}

export const secretOf = (name: string) => `${name}s-own-secret`;

/** Puts its secret wherever it may have one, also into what runs. */
export async function plantSecret(host: TestHost, name: string): Promise<void> {
  const user = `aegir-${name}`;
  const { code, stderr } = await host.exec(`set -e; cd ${folderOf(name)}
    for folder in files private home tmp; do echo ${secretOf(name)} >$folder/mine.txt; chown ${user}: $folder/mine.txt; done
    echo '<?php $password = "${secretOf(name)}";' >settings/site.php
    echo 'the code has ${secretOf(name)}' >current/own.txt
    chown root:${user} settings/site.php current/own.txt; chmod 0640 settings/site.php current/own.txt
    systemd-run --quiet --unit busy-${name} ${folderOf(name)}/run sh -c 'sleep 3600; : ${secretOf(name)}'`);
  if (code !== 0) throw new Error(`The secret of ${name} is not in its places: ${stderr}`);
}

/** Places in which these have their secrets, and how somebody would look there. */
export function readsOf(names: string[]): Record<string, string> {
  const cat = (...paths: string[]) =>
    ['cat', ...names.flatMap(name => paths.map(path => `${folderOf(name)}/${path}`))].join(' ');
  const settings = ['site.php', 'environment', 'wordpress.php', 'wordpress.secrets.php'];
  return {
    'their files': cat('files/mine.txt'),
    'their private files': cat('private/mine.txt'),
    'their homes': cat('home/mine.txt'),
    'their settings with passwords of databases': cat(...settings.map(file => `settings/${file}`), 'service.env'),
    'their copies of the code': cat('current/own.txt'),
    'what their commands are called with, and their variables': 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ',
    'their temporary files': 'find /tmp /var/tmp /dev/shm -type f -exec cat {} +',
  };
}

export interface Look {
  command: string;
  /** What root sees of an Environment. */
  shows(name: string): string;
}

/** What they may not even know of. `project` is one whose Release is on the Server. */
export function looksOf(names: string[], project: string): Record<string, Look> {
  const list = 'org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager GetUnitProcesses s';
  const askSystemd = names.map(name => `busctl call ${list} aegir-${name}.service`);
  return {
    'what runs on the Server': { command: 'ps axww', shows: folderOf },
    'what their services run, by systemd': { command: askSystemd.join('; '), shows: folderOf },
    'the Environments of the Server': { command: `ls ${base}/environments`, shows: name => name },
    'the Server’s copies of Releases': { command: `ls ${base}/releases`, shows: () => `${project}-` },
    'their journal': { command: 'journalctl --no-pager', shows: name => `aegir-${name}.service` },
    'their logs of visitors': { command: 'cat /var/log/nginx/*', shows: name => `GET /only-of-${name}` },
  };
}

/** Says of each path 0, or the number of the error (13: permission denied). */
export const connectTo = (paths: string[]) =>
  `python3 -c 'import socket, sys; [print(path, socket.socket(socket.AF_UNIX).connect_ex(path)) for path in sys.argv[1:]]' ${paths.join(' ')}`;

export function everyWay(site: OpenSite, command: string): Promise<string[]> {
  return Promise.all([site.shell(command), site.read(command), site.run(command)]);
}

/** Each of them finds its own by one way at least: its commands and its service have temporary files of their own, for example. */
export async function expectOwnOnly(sites: OpenSite[], command: string): Promise<void> {
  for (const site of sites) {
    const found = (await everyWay(site, command)).join('\n');
    expect(
      site.secrets.filter(secret => found.includes(secret)),
      `${site.name} by ${command}`,
    ).not.toEqual([]);
    for (const secret of foreign(site, sites)) expect(found, site.name).not.toContain(secret);
  }
}

export async function expectUnseen(host: TestHost, sites: OpenSite[], { command, shows }: Look): Promise<void> {
  const hiddenFromRoot = async () => {
    const { stdout, stderr } = await host.exec(command);
    return sites.filter(({ name }) => !stdout.includes(shows(name))).map(({ name }) => `${name}: ${stderr}`);
  };
  // systemd was seen to list nothing for a moment.
  await expect.poll(hiddenFromRoot, { timeout: 30_000, interval: 500 }).toEqual([]);
  for (const site of sites) {
    const answers = (await everyWay(site, command)).join('\n');
    for (const { name } of sites.filter(other => other !== site)) expect(answers, site.name).not.toContain(shows(name));
  }
}

function foreign(site: OpenSite, sites: OpenSite[]): string[] {
  return sites.filter(other => other !== site).flatMap(other => other.secrets);
}
