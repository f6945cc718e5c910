// One entity as text: its fields with their labels, what it belongs to and what belongs to it.

import type { EntityView } from '../api/contract.ts';
import { certificatesField, nameStatesOf } from '../model/certificates.ts';
import { cronResultWords } from '../model/cron-run.ts';
import { driftWords } from '../model/drift.ts';
import { type Entity, entities, entityKinds } from '../model/entities.ts';
import type { FieldSpec } from '../model/fields.ts';
import { placementField, reasonAt } from '../model/placement.ts';
import { type KindDefinition, nameOf } from './connection.ts';
import type { CliEnvironment } from './environment.ts';
import { renderOperations } from './operation-table.ts';
import { localTime, provenWords } from './output.ts';
import { renderCell } from './table.ts';
import { printable } from './text.ts';

export function renderEntity(environment: CliEnvironment, definition: KindDefinition, entity: EntityView): string {
  const { values, fields } = entity;
  const rows: [string, string][] = [
    ['Id', entity.id],
    ['State', entity.state],
    ...definition.fields.map(field => fieldRow(field, values[field.name], entity)),
    ...(entity.proven === undefined ? [] : [['Last proven backup', provenWords(entity)] as [string, string]]),
    ...cronRows(entity),
    ...driftRows(entity),
    ...(entity.update ? [['Update available', `${entity.update.name} (${entity.update.id})`] as [string, string]] : []),
    ...definition.resultFields
      .filter(({ name }) => values[name] !== null && values[name] !== undefined && name !== placementField)
      .map(field => fieldRow(field, values[field.name], entity)),
    ...definition.customFields.map(field => fieldRow(field, fields[field.name], entity)),
    ...entity.presences.map(presenceRow(entity)),
    ...referringRows(entity),
    ['Created', localTime(entity.createdAt)],
    ['Changed', localTime(entity.updatedAt)],
  ];
  const operations = entity.recentOperations;
  const recent = operations.length > 0 ? `\nOperations\n${renderOperations(environment, operations)}` : '';
  return `${definition.title} ${renderCell(nameOf(entity))}\n\n${renderPairs(rows)}${recent}`;
}

/** Why it was put where it is. */
export function renderReasons({ fields }: KindDefinition, { values }: Entity): string {
  const rows = fields.flatMap(({ name, label }): [string, string][] => {
    const reason = reasonAt(values, name);
    return reason ? [[`${label ?? name}:`, reason]] : [];
  });
  return rows.length > 0 ? renderPairs(rows) : '';
}

/** Labels in one column; values of several lines are indented under it. */
export function renderPairs(rows: [string, string][]): string {
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows
    .map(
      ([label, text]) =>
        `${label.padEnd(width)}  ${printable(text)
          .trimEnd()
          .replaceAll('\n', `\n${' '.repeat(width + 2)}`)}\n`,
    )
    .join('');
}

function cronRows({ cron }: EntityView): [string, string][] {
  if (!cron) return [];
  const { at, seconds, words, skippedAt, skippedBecause } = cron;
  const last = at ? `${localTime(at)}, ${(seconds ?? 0).toFixed(1)} s, ${cronResultWords(cron)}` : 'never';
  const since = skippedAt ? `left out ${localTime(skippedAt)}: ${skippedBecause}` : '';
  return [['Last run of cron', [last, words, since].filter(Boolean).join('\n')]];
}

function driftRows({ drift, kind, id }: EntityView): [string, string][] {
  if (!drift) return [];
  const words = [driftWords(drift), ...(drift.checkedAt ? [`checked ${localTime(drift.checkedAt)}`] : [])].join(', ');
  return [['Drift', drift.open + drift.accepted > 0 ? `${words} (aegir drift ${kind}/${id})` : words]];
}

function fieldRow(field: FieldSpec, value: unknown, entity: EntityView): [string, string] {
  const label = field.label ?? field.name;
  const reference = entity.references[field.name];
  const reason = reasonAt(entity.values, field.name);
  if (field.name === certificatesField) {
    return [
      label,
      nameStatesOf(entity.values)
        .map(({ name, isValid, words }) => `${name}: ${isValid ? '' : 'none, '}${words}`)
        .join('\n') || 'none',
    ];
  }
  if (field.type === 'reference' && reference !== undefined)
    return [label, `${reference.name} (${reference.id})${reason ? `\n${reason}` : ''}`];
  if (field.type === 'dict' && typeof value === 'object' && value !== null && !('$secret' in value)) {
    return [label, JSON.stringify(value, null, 2)];
  }
  return [label, typeof value === 'string' && value !== '' ? value : renderCell(value)];
}

function presenceRow(entity: EntityView) {
  return (presence: EntityView['presences'][number]): [string, string] => {
    const other = entity.kind === 'release' ? presence.serverName : presence.releaseName;
    return [entity.kind === 'release' ? 'Lies on' : 'Holds', `${other}: ${presence.path}`];
  };
}

function referringRows(entity: EntityView): [string, string][] {
  return entityKinds.flatMap(kind => {
    const referring = entity.referredBy[kind] ?? [];
    if (referring.length === 0) return [];
    return [[entities[kind].titlePlural, referring.map(nameOf).join(', ')] satisfies [string, string]];
  });
}
