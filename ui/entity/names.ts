// Names of the entities that a list refers to, by id: rows of a list hold ids only.

import { type Accessor, createMemo } from 'solid-js';
import type { Entity, EntityKind } from '../../model/entities.ts';
import { useEntities } from '../api/queries.ts';
import type { FullDefinition } from '../app/session.tsx';
import { useDefinitions } from '../app/session.tsx';
import type { Column } from './columns.ts';

export type NameOf = (kind: EntityKind, id: string) => string | undefined;

// A longer list shows ids of what is beyond: one page of names is the price of a list, not all names there are.
const nameLimit = 200;

export function entityName(definition: FullDefinition, entity: Entity): string {
  return String(entity.values[definition.nameField] ?? entity.id);
}

/** Kinds never change while a page is open, so one query per kind there is; only those needed are asked. */
export function useNames(columns: Accessor<Column[]>): NameOf {
  const definitions = useDefinitions();
  const needed = createMemo(() => new Set(columns().map(column => column.spec.to)));
  const lists = Object.values(definitions()).map(definition => {
    const query = useEntities(
      () => definition.plural,
      () => ({ limit: nameLimit }),
      () => needed().has(definition.kind),
    );
    const names = createMemo(() => {
      const items = (query.data?.pages ?? []).flatMap(page => page.items);
      return new Map(items.map(entity => [entity.id, entityName(definition, entity)]));
    });
    return [definition.kind, names] as const;
  });
  const byKind = new Map(lists);
  return (kind, id) => byKind.get(kind)?.().get(id);
}
