// Turns the refusals of PostgreSQL's constraints into errors that say what to do.

import { type EntityKind, entities } from '../entities.ts';
import { AppError } from '../errors.ts';

interface PgError {
  code: string;
  constraint?: string;
  table?: string;
  detail?: string;
}

/** Drizzle wraps the driver's error as `cause`. */
function pgErrorOf(error: unknown): PgError | null {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (typeof (at as unknown as PgError).code === 'string') return at as unknown as PgError;
  }
  return null;
}

/** @param values what was to be written: a taken name is blamed on the field that it stands in. */
export async function conflictOf<T>(
  kind: EntityKind,
  action: () => Promise<T>,
  values: Record<string, unknown> = {},
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const refused = pgErrorOf(error);
    throw (refused && explain(kind, refused, error, values)) || error;
  }
}

function explain(kind: EntityKind, refused: PgError, cause: unknown, values: Record<string, unknown>): AppError | null {
  const { title, plural } = entities[kind];
  const value =
    /\)=\((.*)\)/
      .exec(refused.detail ?? '')?.[1]
      ?.split(', ')
      .at(-1) ?? '';
  if (refused.code === '23505' && refused.constraint === 'environment_names_pkey') {
    const listed = ['aliases', 'redirect_names'].find(name => [values[name]].flat().includes(value));
    const problems = [
      {
        path: `values.${values.primary_name === value ? 'primary_name' : (listed ?? 'primary_name')}`,
        message: `The name ${value} belongs to another Environment. Choose another one, or remove it there first.`,
      },
    ];
    return new AppError('conflict', problems[0]?.message ?? '', { problems, cause });
  }
  if (refused.code === '23505' && refused.constraint === 'environments_side')
    return new AppError('conflict', 'This Environment has another side already. Retire that one first.', { cause });
  if (refused.code === '23505') {
    const message = `Another ${title} is called "${value}" already. Choose another name.`;
    return new AppError('conflict', message, { problems: [{ path: 'values.name', message }], cause });
  }
  if (refused.code === '23503') {
    const message = `A reference names something that does not exist: ${refused.constraint ?? ''}.`;
    return new AppError('invalid', message, { cause });
  }
  if (refused.code === '23514' || refused.code === '23502') {
    return new AppError(
      'invalid',
      `The database refuses this ${title} (${refused.constraint ?? 'a required value is missing'}). Correct the field; see ${plural}.`,
      { cause },
    );
  }
  return null;
}
