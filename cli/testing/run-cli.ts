// Runs the real program as a process, with an environment and folders of its own.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Sandbox {
  folder: string;
  settingsFile: string;
  start(words: string[], variables?: Record<string, string>): ChildProcessWithoutNullStreams;
  run(words: string[], options?: { variables?: Record<string, string>; stdin?: string }): Promise<Result>;
  remove(): void;
}

const program = join(import.meta.dirname, '..', 'main.ts');

/** @param variables of every run in this sandbox. */
export function createSandbox(variables: Record<string, string> = {}): Sandbox {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-cli-'));
  const base = { PATH: '/usr/bin:/bin', HOME: folder, XDG_CONFIG_HOME: join(folder, 'config'), ...variables };
  const start = (words: string[], more: Record<string, string> = {}) =>
    spawn(process.execPath, [program, ...words], { cwd: folder, env: { ...base, ...more } });
  return {
    folder,
    settingsFile: join(folder, 'config', 'aegir', 'config.json'),
    start,
    run: (words, options = {}) => {
      const child = start(words, options.variables);
      child.stdin.end(options.stdin ?? '');
      return resultOf(child);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export async function resultOf(child: ChildProcessWithoutNullStreams): Promise<Result> {
  const closed = new Promise<number | null>(resolve => child.once('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code, stdout, stderr };
}
