// `aegir drift [kind/name]`: what differs on Servers from what Aegir would make there; `accept` and `take-back` for one of it.

import { Command } from 'commander';
import type { EntityView } from '../../api/contract.ts';
import type { DifferenceView, DriftingView, DriftView } from '../../api/drift-contract.ts';
import { driftWords, hasDrift } from '../../model/drift.ts';
import { entities } from '../../model/entities.ts';
import { type Client, pathOf } from '../client.ts';
import { type CommonFlags, connect, findEntity, nameOf, readKind, withCommonFlags } from '../connection.ts';
import { renderDiff } from '../diff.ts';
import type { CliEnvironment } from '../environment.ts';
import { usageError } from '../exit.ts';
import { localTime, print, printJson, printTable } from '../output.ts';
import { printable } from '../text.ts';

export function driftCommand(environment: CliEnvironment): Command {
  const command = new Command('drift').description(
    'what differs on Servers from what Aegir would make there; accept differences',
  );
  const show = withCommonFlags(
    new Command('show').description('Environments and Servers with differences; of one of them, what differs'),
  )
    .argument('[entity]', 'kind/name, such as environment/blog; without it all that have differences')
    .action(async (word: string | undefined, options: CommonFlags) => {
      const client = connect(environment, options);
      if (word === undefined) await showAll(environment, client, options);
      else await showOne(environment, client, await findCompared(client, word), options);
    });
  const accept = withCommonFlags(
    new Command('accept').description('a difference is to stay: it does not count until it becomes another one'),
  )
    .argument('<difference>', 'id')
    .requiredOption('--reason <text>', 'why, for whoever sees it')
    .action(async (id: string, options: CommonFlags & { reason: string }) => {
      const client = connect(environment, options);
      const { content } = await client.get<DifferenceView>(pathOf('differences', id));
      const body = { content, reason: options.reason };
      const accepted = await client.put<DifferenceView>(pathOf('differences', id, 'acceptance'), body);
      if (options.json) printJson(accepted);
      else print(`Accepted until it becomes another one:\n\n${renderDifference(environment, accepted)}`);
    });
  const takeBack = withCommonFlags(new Command('take-back').description('an accepted difference counts again'))
    .argument('<difference>', 'id')
    .action(async (id: string, options: CommonFlags) => {
      const client = connect(environment, options);
      await client.delete(pathOf('differences', id, 'acceptance'));
      const now = await client.get<DifferenceView>(pathOf('differences', id));
      if (options.json) printJson(now);
      else print(`It counts again:\n\n${renderDifference(environment, now)}`);
    });
  return command.addCommand(show, { isDefault: true }).addCommand(accept).addCommand(takeBack);
}

async function showAll(environment: CliEnvironment, client: Client, { json }: CommonFlags): Promise<void> {
  const all = await client.get<DriftingView[]>(pathOf('drift'));
  const rows = all.map(one => [`${one.kind}/${one.name}`, one.open, one.accepted, localTime(one.checkedAt)]);
  const header = ['what', 'differences', 'accepted', 'checked'];
  if (json) printJson(all);
  else printTable(environment, header, rows, 'No Environment and no Server has differences that nobody has accepted.');
}

async function findCompared(client: Client, word: string): Promise<EntityView> {
  const slash = word.indexOf('/');
  const kind = slash > 0 && slash < word.length - 1 ? readKind(word.slice(0, slash)) : null;
  if (kind === null || !hasDrift(kind))
    throw usageError(`"${word}" is not environment/name or server/name: these are what is compared.`);
  return findEntity(client, kind, word.slice(slash + 1));
}

async function showOne(
  environment: CliEnvironment,
  client: Client,
  entity: EntityView,
  { json }: CommonFlags,
): Promise<void> {
  const drift = await client.get<DriftView>(pathOf(entities[entity.kind].plural, entity.id, 'drift'));
  if (json) printJson(drift);
  else print(renderDrift(environment, entity, drift));
}

function renderDrift(environment: CliEnvironment, entity: EntityView, drift: DriftView): string {
  const what = `${entity.kind}/${nameOf(entity)}`;
  const checked = drift.checkedAt ? `, checked ${localTime(drift.checkedAt)}` : '';
  const parts = drift.parts.map(({ title, reason }) => `Not compared: ${title}. ${printable(reason)}\n`);
  const all = drift.differences.map(each => renderDifference(environment, each));
  const [verb, right] = [drift.checkedBy, drift.putRightBy];
  const name = nameOf(entity);
  const next = [
    ...(verb ? [`Compare (again): aegir run ${verb} ${name} --follow`] : []),
    ...(right && drift.open > 0
      ? [`Put it right:    aegir run ${right.type} ${name} --follow  (“${right.title}”)`]
      : []),
  ];
  return [`${what}: ${driftWords(drift)}${checked}\n`, parts.join(''), ...all, next.join('\n')]
    .filter(Boolean)
    .join('\n');
}

function renderDifference({ colours }: CliEnvironment, difference: DifferenceView): string {
  const { id, title, task, resource, text, leftOut, firstSeen, acceptance } = difference;
  const head = `${resource || task}${resource ? ` (${title}: ${task})` : ` (${title})`}`;
  const since = `  ${id}, since ${localTime(firstSeen)}`;
  const lines = renderDiff({ text, left: leftOut }, colours);
  return [printable(head), since, ...accepted(acceptance), ...lines, ''].join('\n');
}

function accepted(acceptance: DifferenceView['acceptance']): string[] {
  if (!acceptance) return [];
  const { by, at, reason, counts } = acceptance;
  const words = `accepted by ${by}, ${localTime(at)}: ${printable(reason)}`;
  return [counts ? `  counts again, as it has become another one since it was ${words}` : `  ${words}`];
}
