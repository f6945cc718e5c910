// `aegir archive upload|download|delete`: entities with a file that the control plane keeps.

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import type { Entity } from '../../model/entities.ts';
import { errorText } from '../../model/errors.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, findEntity, type KindDefinition, nameOf, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { CliError, exitCodes, usageError } from '../exit.ts';
import { note, print, printJson } from '../output.ts';

export const fileVerbs = ['upload', 'download', 'delete'];

export function addFileCommands(environment: CliEnvironment, command: Command, definition: KindDefinition): void {
  command.addCommand(uploadCommand(environment, definition));
  command.addCommand(downloadCommand(environment, definition));
  command.addCommand(deleteCommand(environment, definition));
}

function uploadCommand(environment: CliEnvironment, definition: KindDefinition): Command {
  const command = new Command('upload').description('upload a file (.tar.gz), which is checked by its checksum');
  withCommonFlags(command).argument('<file>', 'path of the file').option('--name <name>', 'its name here');
  return command.action(async (file: string, options: CommonFlags & { name?: string }) => {
    const client = connect(environment, options);
    const { size } = await stat(file).catch(error => {
      throw usageError(`${file} cannot be read: ${errorText(error)}`);
    });
    const headers = {
      'content-type': 'application/gzip',
      'content-length': String(size),
      'x-archive-sha256': await checksumOf(file),
    };
    const query = { name: options.name };
    const made = await client.upload<Entity>(pathOf(definition.plural), createReadStream(file), { query, headers });
    if (options.json) printJson(made);
    else
      print(`${definition.title} ${nameOf(made)} is uploaded: ${size} bytes, SHA-256 ${String(made.values.sha256)}.`);
  });
}

function downloadCommand(environment: CliEnvironment, definition: KindDefinition): Command {
  const command = new Command('download').description('download its file, which is checked by its checksum');
  withCommonFlags(command)
    .argument('<name>', 'name or id')
    .option('--output <file>', 'where to put it; default: its name, in this folder');
  return command.action(async (name: string, options: CommonFlags & { output?: string }) => {
    const client = connect(environment, options);
    const entity = await findEntity(client, definition.kind, name);
    const file = options.output ?? `${nameOf(entity)}.tar.gz`;
    const draft = `${file}.part`;
    try {
      const answer = await client.send('GET', pathOf(definition.plural, entity.id, 'content'), { limited: false });
      await pipeline(answer.body ?? [], createWriteStream(draft, { mode: 0o600 }));
      const found = await checksumOf(draft);
      if (found !== entity.values.sha256)
        throw new CliError(exitCodes.failed, `What came has another checksum (${found}) than it has there. Try again.`);
      await rename(draft, file);
    } finally {
      await rm(draft, { force: true });
    }
    if (options.json) printJson({ file, bytes: entity.values.bytes, sha256: entity.values.sha256 });
    else print(`${file}: ${String(entity.values.bytes)} bytes, SHA-256 ${String(entity.values.sha256)}.`);
  });
}

function deleteCommand(environment: CliEnvironment, definition: KindDefinition): Command {
  const command = withCommonFlags(new Command('delete').alias('rm').description('delete it with its file'));
  return command.argument('<name>', 'name or id').action(async (name: string, options: CommonFlags) => {
    await connect(environment, options).delete(pathOf(definition.plural, name));
    note(`${definition.title} ${name} is deleted.`);
  });
}

async function checksumOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest('hex');
}
