// Reads docs/backends.md: its blocks are files, commands, and what these print. They are followed in a copy of the installation.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { expect } from 'vitest';
import type { Aegir } from './harness.ts';

const installation = join(import.meta.dirname, '..');

export interface Block {
  /** The heading above it. */
  section: string;
  language: string;
  /** Path of the file that it is, or is put into; '' = none. */
  file: string;
  where: 'below' | 'behind' | '';
  mark: string;
  text: string;
}

export const page = readFileSync(join(installation, 'docs', 'backends.md'), 'utf8');
export const blocks = blocksOf(page);

/** Its commands need a cluster. */
export const clusterSection = 'The same on Kubernetes';

function blocksOf(text: string): Block[] {
  let section = '';
  const parts = /^#+ (?<heading>.*)$|^```(\w+)(?: (\S+))?(?: (below|behind) "(.*)")?\n([\s\S]*?)^```$/gm;
  return [...text.matchAll(parts)].flatMap(match => {
    const [, heading, language = '', file = '', where = '', mark = '', content = ''] = match;
    if (heading === undefined)
      return [{ section, language, file, where: where as Block['where'], mark, text: content }];
    section = heading;
    return [];
  });
}

export interface PageCopy {
  path: string;
  /** Settings that the page has made: what `npm start` reads from .env. */
  settings(): Record<string, string>;
  /** Makes the file of a block, or puts the block into it. */
  write(block: Block): void;
  /** As somebody types it, in the folder of the installation; what it prints. */
  command(text: string, aegir?: Aegir): Promise<string>;
  remove(): void;
}

export function copyInstallation(): PageCopy {
  const path = mkdtempSync(join(tmpdir(), 'aegir-page-'));
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: installation,
    encoding: 'utf8',
  });
  for (const file of files.split('\0').filter(each => each && existsSync(join(installation, each))))
    cpSync(join(installation, file), join(path, file), { recursive: true, verbatimSymlinks: true });
  for (const folder of ['node_modules', '.cache']) symlinkSync(join(installation, folder), join(path, folder));
  return {
    path,
    settings: () =>
      Object.fromEntries(
        readFileSync(join(path, '.env'), 'utf8')
          .trim()
          .split('\n')
          .map(line => line.split('=', 2) as [string, string]),
      ),
    write: block => writeBlock(path, block),
    async command(text, aegir) {
      const { AEGIR_HOME = '', AEGIR_PORT = '' } = aegir?.environment ?? {};
      const environment = { AEGIR_HOME, AEGIR_PORT, AEGIR_URL: aegir?.url ?? '', PATH: process.env.PATH, HOME: path };
      const { exitCode, all } = await execa('bash', ['-euc', text], {
        cwd: path,
        env: environment,
        extendEnv: false,
        all: true,
        reject: false,
        stdin: 'ignore',
      });
      expect(exitCode, `${text}\n${all}`).toBe(0);
      return all ?? '';
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

function writeBlock(copy: string, { file, where, mark, text }: Block): void {
  const path = join(copy, file);
  if (!where) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    if (text.startsWith('#!')) chmodSync(path, 0o755);
    return;
  }
  const before = readFileSync(path, 'utf8');
  expect(before.split(mark).length, `“${mark}” stands once in ${file}`).toBe(2);
  const at = before.indexOf(mark) + mark.length;
  const from = where === 'behind' ? at : before.indexOf('\n', at) + 1;
  const added = where === 'behind' ? text.replace(/\n$/, '') : text;
  writeFileSync(path, before.slice(0, from) + added + before.slice(from));
}

/** What a command is said to print is what it has printed. */
export function expectPrinted(printed: string, { text }: Block): void {
  for (const line of text.trimEnd().split('\n')) expect(printed).toContain(line);
}
