// `aegir task reproduce`: what a Task ran, as files to run by hand.

import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize, resolve } from 'node:path';
import { Command } from 'commander';
import type { ReproduceView } from '../../api/contract.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { usageError } from '../exit.ts';
import { note, print, printJson } from '../output.ts';
import { printable } from '../text.ts';

export function taskCommand(environment: CliEnvironment): Command {
  const command = new Command('task').description('Tasks: reproduce one by hand');
  const reproduce = withCommonFlags(
    new Command('reproduce').description('write the playbook and the variables of a Task, without its secrets'),
  )
    .argument('<task>', 'id, as `operation show` lists it')
    .option('--into <folder>', 'where to; a new or an empty folder')
    .action(async (id: string, options: CommonFlags & { into?: string }) => {
      const view = await connect(environment, options).get<ReproduceView>(pathOf('tasks', id, 'reproduce'));
      const folder = resolve(options.into ?? `aegir-task-${id}`);
      writeFiles(folder, view.files);
      if (options.json) printJson({ folder, files: Object.keys(view.files), command: view.command });
      else {
        note(`Its files are in ${folder}.`);
        print(renderCommand(folder, view));
      }
    });
  return command.addCommand(reproduce);
}

/** Some backends explain in a README instead of a command. */
function renderCommand(folder: string, { command, files }: ReproduceView): string {
  return printable(command === '' ? (files.README ?? '') : `cd ${quote(folder)} && ${command}`);
}

function writeFiles(folder: string, files: Record<string, string>): void {
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw usageError(`The folder ${folder} is not empty: choose another one with --into.`);
  }
  for (const name of Object.keys(files)) {
    // The names come over the network: none may lead out of the folder.
    if (isAbsolute(name) || normalize(name).startsWith('..')) throw usageError(`"${name}" is no file of a Task.`);
  }
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
  }
}

function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
