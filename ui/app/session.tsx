// Who is signed in, for every page below the gate.

import { type Accessor, createContext, useContext } from 'solid-js';
import type { SessionView } from '../../api/contract.ts';
import { editVerb, mayDo, type Verb } from '../../model/access.ts';
import { type EntityDefinition, type EntityKind, entities } from '../../model/entities.ts';
import type { FieldSpec } from '../../model/fields.ts';

export const SessionContext = createContext<Accessor<SessionView>>();

export function useSession(): Accessor<SessionView> {
  const session = useContext(SessionContext);
  if (!session) throw new Error('useSession is for pages below the sign-in gate.');
  return session;
}

export type FullDefinition = EntityDefinition & { customFields: FieldSpec[] };

export function useDefinitions(): Accessor<Record<EntityKind, FullDefinition>> {
  const session = useSession();
  return () => session().entities;
}

export function useMay(): (verb: Verb) => boolean {
  const session = useSession();
  return verb => mayDo(session().role, verb);
}

export function useMayEdit(): (kind: EntityKind) => boolean {
  const may = useMay();
  return kind => may(editVerb(kind));
}

export function useMayChange(): (kind: EntityKind) => boolean {
  const mayEdit = useMayEdit();
  return kind => mayEdit(kind) && (!entities[kind].madeOn || entities[kind].edited !== undefined);
}

/** Add and delete. */
export function useMayAdd(): (kind: EntityKind) => boolean {
  const mayChange = useMayChange();
  return kind => mayChange(kind) && !entities[kind].single && !entities[kind].madeOn;
}

export function definitionOf(
  definitions: Record<EntityKind, FullDefinition>,
  plural: string,
): FullDefinition | undefined {
  return Object.values(definitions).find(definition => definition.plural === plural);
}
