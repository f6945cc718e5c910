// `aegir locks <kind/name>`: who holds the lock of an entity and who waits; `release` takes it away from an Operation.

import { Command } from 'commander';
import type { ClaimView, EntityView } from '../../api/contract.ts';
import { ordinal } from '../../model/ordinal.ts';
import { type Client, pathOf } from '../client.ts';
import { type CommonFlags, connect, findEntity, nameOf, readKind, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { usageError } from '../exit.ts';
import { localTime, print, printJson, printTable } from '../output.ts';
import { ask } from '../prompt.ts';

export function locksCommand(environment: CliEnvironment): Command {
  const command = new Command('locks')
    .alias('lock')
    .description('locks of an entity: who holds them, who waits; release');
  const show = withCommonFlags(
    new Command('show').description('who holds the lock of an entity, and who waits behind whom'),
  )
    .argument('<entity>', 'kind/name')
    .action(async (word: string, options: CommonFlags) => {
      const client = connect(environment, options);
      const entity = await findLocked(client, word);
      const claims = await client.get<ClaimView[]>(pathOf('locks'), { kind: entity.kind, id: entity.id });
      const header = ['place', 'operation', 'id', 'by', 'lock', 'since'];
      if (options.json) printJson(claims);
      else
        printTable(
          environment,
          header,
          claims.map(claimRow),
          `Nobody holds a lock on the ${entity.kind} ${nameOf(entity)}.`,
        );
    });
  const release = withCommonFlags(
    new Command('release').description(
      'take a lock away from an Operation that hangs; the next in line ends what it still does',
    ),
  )
    .argument('<entity>', 'kind/name')
    .argument('<operation>', 'id of the one that holds it, or waits for it')
    .option('-y, --yes', 'do not ask back')
    .action(async (word: string, operation: string, options: CommonFlags & { yes?: boolean }) => {
      const client = connect(environment, options);
      const entity = await findLocked(client, word);
      await confirm(environment, options, entity);
      await client.delete(pathOf('locks', entity.kind, entity.id, operation));
      if (options.json) printJson({ released: { kind: entity.kind, id: entity.id, operation } });
      else print(`Operation ${operation} has no lock on the ${entity.kind} ${nameOf(entity)} any more.`);
    });
  return command.addCommand(show, { isDefault: true }).addCommand(release);
}

function findLocked(client: Client, word: string): Promise<EntityView> {
  const slash = word.indexOf('/');
  if (slash <= 0 || slash === word.length - 1)
    throw usageError(`"${word}" is not kind/name, such as environment/blog.`);
  return findEntity(client, readKind(word.slice(0, slash)), word.slice(slash + 1));
}

function claimRow(claim: ClaimView): unknown[] {
  const place = claim.position === 0 ? 'holds it' : ordinal(claim.position);
  return [place, claim.title, claim.operation, claim.startedBy, claim.mode, localTime(claim.since)];
}

async function confirm(environment: CliEnvironment, options: { yes?: boolean }, entity: EntityView): Promise<void> {
  if (options.yes || !environment.interactive) return;
  const name = nameOf(entity);
  const answer = await ask(`The next in line begins at once, beside it, on the ${entity.kind} ${name}. Go on? [y/N] `);
  if (!/^y(es)?$/i.test(answer)) throw usageError('Nothing was changed.');
}
