// What an edit of entities must not do to Releases: change a locked one, take one that is locked or another Project's.

import type { Entity } from '../model/entities.ts';
import { AppError, invalid } from '../model/errors.ts';
import type { Db } from '../model/store/database.ts';
import { lockedWords } from '../model/store/delete-entity.ts';
import { type Completion, type EntityInput, findEntity } from '../model/store/entities.ts';

/** A locked one is only unlocked; other changes may come with that. */
export function refuseLocked(entity: Entity, input: EntityInput): void {
  if (entity.kind !== 'release' || entity.values.locked !== true || input.values.locked === false) return;
  const changed = Object.keys(input.values).some(name => input.values[name] !== entity.values[name]);
  if (changed || Object.keys(input.custom).length > 0) throw new AppError('conflict', lockedWords);
}

/** For Projects, within the transaction that writes. @param id of the Project; none when it is being added. */
export function ownCurrentRelease(organisation: string, id?: string): Completion {
  return async (tx, values) => {
    if (typeof values.current_release !== 'string') return values;
    const release = await findEntity(tx as Db, 'release', values.current_release, organisation);
    if (release.values.project === id) return values;
    const message = `${String(release.values.name)} is no Release of this Project.`;
    throw invalid([{ path: 'values.current_release', message }], 'This Project cannot be saved.');
  };
}
