// A dry run: an Operation whose Tasks are carried out in check mode, to see what it would change.

import { AppError } from './errors.ts';
import type { OperationType } from './operation-type.ts';

/** Why there is none of this type; '' = there is. */
export function dryRunRefusal({ title, action, check, adds }: OperationType): string {
  if (action) return `“${title}” answers at once: it has no dry run.`;
  if (check) return `“${title}” only compares already.`;
  return adds ? `“${title}” makes an Environment: there is nothing yet to compare with.` : '';
}

/** No name of an Operation type has a colon. @throws AppError invalid when there is none. */
export function dryRunOf(type: OperationType): OperationType {
  const refusal = dryRunRefusal(type);
  if (refusal) throw new AppError('invalid', refusal);
  return {
    ...type,
    name: `dry_run:${type.name}`,
    title: `Dry run: ${type.title}`,
    check: true,
    dryRunOf: type.name,
    // Nothing is done that somebody would have to mean.
    confirmedBy: {},
  };
}
