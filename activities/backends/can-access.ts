import { constants } from 'node:fs';
import { access } from 'node:fs/promises';

/** @param mode R_OK or W_OK; left out: whether it is there. */
export function canAccess(path: string, mode = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
