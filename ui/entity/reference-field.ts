// Which field of a new entity names the one on whose page it is added.

import type { Entity, EntityDefinition } from '../../model/entities.ts';
import type { FieldSpec } from '../../model/fields.ts';
import { type Service, serverFields } from '../../model/placement.ts';

/** The first that may; none where a Server does not offer what the fields are for. */
export function referenceField(from: EntityDefinition, to: Entity): FieldSpec | undefined {
  return from.fields.find(spec => spec.to === to.kind && offers(to, spec.name));
}

function offers(to: Entity, field: string): boolean {
  const service = (Object.keys(serverFields) as Service[]).find(each => serverFields[each] === field);
  return service === undefined || to.values[service] === true;
}
