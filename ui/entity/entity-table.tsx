// Entities of one kind in rows; on a narrow screen each row becomes a card.

import { A } from '@solidjs/router';
import { createMemo, For, Show } from 'solid-js';
import type { ListedEntity } from '../../api/contract.ts';
import { hasDrift } from '../../model/drift.ts';
import type { Entity } from '../../model/entities.ts';
import type { FullDefinition } from '../app/session.tsx';
import { DriftBadge, DriftSummary } from '../drift/drift-badge.tsx';
import { fieldLabel } from '../form/field-props.ts';
import { StateBadge } from '../parts/badge.tsx';
import { When } from '../parts/when.tsx';
import { type Column, listColumns } from './columns.ts';
import { FieldValue, OpenLink } from './field-value.tsx';
import { entityName, useNames } from './names.ts';

interface EntityTableProps {
  definition: FullDefinition;
  items: ListedEntity[];
  /** The kind of entity on whose page they are listed: it is the same in all rows. */
  without?: string;
}

export function EntityTable(props: EntityTableProps) {
  // There is half the room there: custom fields and times are on the entity's own page and in the whole list.
  const columns = createMemo(() =>
    listColumns(props.definition).filter(
      column => !props.without || (!column.isCustom && column.spec.to !== props.without),
    ),
  );
  const nameOf = useNames(columns);
  const href = (entity: Entity) => `/${props.definition.plural}/${entity.id}`;
  return (
    <div class="table-frame">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">State</th>
            <For each={columns()}>{column => <th scope="col">{fieldLabel(column.spec)}</th>}</For>
            <Show when={props.definition.kind === 'environment'}>
              <th scope="col">Proven backup</th>
            </Show>
            <Show when={!props.without && hasDrift(props.definition.kind)}>
              <th scope="col">Drift</th>
            </Show>
            <Show when={!props.without}>
              <th scope="col">Changed</th>
            </Show>
          </tr>
        </thead>
        <tbody>
          <For each={props.items}>
            {entity => (
              <tr>
                <td class="cell-main">
                  <A href={href(entity)}>{entityName(props.definition, entity)}</A>
                </td>
                <td data-label="State">
                  <StateBadge state={entity.state} />
                  <Show when={props.without ? entity.drift : undefined}>{drift => <DriftBadge drift={drift()} />}</Show>
                </td>
                <For each={columns()}>
                  {column => (
                    <td data-label={fieldLabel(column.spec)}>
                      <Cell entity={entity} column={column} name={nameFor(column, entity, nameOf)} />
                      <Show when={column.spec.to === 'release' && entity.update}>
                        {update => <UpdateNote update={update()} base={href(entity)} />}
                      </Show>
                    </td>
                  )}
                </For>
                <Show when={props.definition.kind === 'environment'}>
                  <td data-label="Proven backup">
                    <When at={entity.proven?.madeAt ?? null} none="never" />
                  </td>
                </Show>
                <Show when={!props.without && entity.drift}>
                  {drift => (
                    <td data-label="Drift">
                      <DriftSummary drift={drift()} />
                    </td>
                  )}
                </Show>
                <Show when={!props.without}>
                  <td data-label="Changed">
                    <When at={entity.updatedAt} />
                  </td>
                </Show>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </div>
  );
}

/** Its start form has the current Release filled in. */
function UpdateNote(props: { update: { id: string; name: string }; base: string }) {
  return (
    <div class="faint small">
      <A href={`${props.base}/run/update_environment`}>update available</A>:{' '}
      <A href={`/releases/${props.update.id}`}>{props.update.name}</A>
    </div>
  );
}

function nameFor(column: Column, entity: Entity, nameOf: ReturnType<typeof useNames>): string | undefined {
  const value = cellValue(column, entity);
  return column.spec.to && typeof value === 'string' ? nameOf(column.spec.to, value) : undefined;
}

function cellValue(column: Column, entity: Entity): unknown {
  return (column.isCustom ? entity.fields : entity.values)[column.spec.name];
}

/** A host name leads to the site, where the entity has an address. */
function Cell(props: { entity: Entity; column: Column; name: string | undefined }) {
  const value = () => cellValue(props.column, props.entity);
  const url = () => props.entity.values.url;
  const opens = () => props.column.spec.format === 'host_name' && typeof url() === 'string' && url() !== '' && value();
  return (
    <>
      {opens() ? (
        <OpenLink href={String(url())}>{String(value())}</OpenLink>
      ) : (
        <FieldValue spec={props.column.spec} value={value()} name={props.name} />
      )}
    </>
  );
}
