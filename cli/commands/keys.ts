// `aegir keys`: which keys seal, what still needs each of them, rotation.

import { Command } from 'commander';
import type { KeyView, RotationView } from '../../api/contract-keys.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { localTime, note, print, printJson, printTable } from '../output.ts';

export function keysCommand(environment: CliEnvironment): Command {
  const list = withCommonFlags(
    new Command('list').alias('ls').description('the keys, and what needs each of them'),
  ).action(async (options: CommonFlags) => {
    const keys = await connect(environment, options).get<KeyView[]>(pathOf('keys'));
    if (options.json) printJson(keys);
    else printKeys(environment, keys);
  });
  const rotate = withCommonFlags(
    new Command('rotate').description('make a new key, and seal every stored secret with it'),
  ).action((options: CommonFlags) => change(environment, options, 'rotate'));
  const reseal = withCommonFlags(
    new Command('reseal').description('seal every stored secret with the first key, after it was changed by hand'),
  ).action((options: CommonFlags) => change(environment, options, 'reseal'));
  const remove = withCommonFlags(
    new Command('remove').alias('rm').description('remove a key that nothing needs any more'),
  )
    .argument('<key>', 'its id')
    .action(async (id: string, options: CommonFlags) => {
      await connect(environment, options).delete(pathOf('keys', id));
      if (options.json) printJson({ removed: id });
      else print(`Key ${id} is removed.`);
    });
  return new Command('keys')
    .description('keys that seal secrets and the engine’s payloads')
    .addCommand(list, { isDefault: true })
    .addCommand(rotate)
    .addCommand(reseal)
    .addCommand(remove);
}

async function change(environment: CliEnvironment, options: CommonFlags, verb: 'rotate' | 'reseal'): Promise<void> {
  const result = await connect(environment, options).post<RotationView>(pathOf('keys', verb), {});
  if (options.json) return printJson(result);
  const { resealed, lost, keys } = result;
  print(`${resealed} stored secrets are sealed anew with the key ${keys[0]?.id ?? ''}. Keep a copy of it.`);
  if (lost.length > 0) note(`${lost.length} secrets cannot be opened by any key: enter them again. ${lost.join(' ')}`);
  printKeys(environment, keys);
}

function printKeys(environment: CliEnvironment, keys: KeyView[]): void {
  const rows = keys.map(key => [
    key.id,
    localTime(key.since),
    localTime(key.retiredAt),
    key.secrets,
    key.runs ?? '–',
    key.mayGo ? `May go: ./aegir keys remove ${key.id}` : key.reason,
  ]);
  printTable(environment, ['key', 'since', 'retired', 'secrets', 'runs', ''], rows, 'There are no keys.');
}
