// Which Operation types may run by themselves.

import type { Catalogue } from './catalogue.ts';
import type { OperationType } from './operation-type.ts';
import { isSelectable } from './selection.ts';

/** What answers at once, or asks for the name to be typed, is for people. */
export function schedulableTypes({ operationTypes }: Pick<Catalogue, 'operationTypes'>): OperationType[] {
  return [...operationTypes.values()].filter(({ action, dangerous, on }) => !action && !dangerous && isSelectable(on));
}
