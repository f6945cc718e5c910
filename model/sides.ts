// The two sides of an Environment that is moved: the place where its site is, and another one where it was or will be. The
// other side is a row of its own, and all that is not of its place is its Environment's.

import { AppError } from './errors.ts';

/** What belongs to a place and not to the site. */
export const placeFields = [
  'cluster',
  'web_server',
  'database_server',
  'database_password',
  'placement',
  'path',
  'url',
  'user',
  'php',
  'upstream_port',
  'image',
  'cluster_database',
  'database',
  'deployed_hash',
  'vhost',
  'certificates',
  'disabled_notice',
] as const;

/** Where nobody is to touch it by itself. '' = it is no other side. */
export function sideWords({ name, side_of }: Record<string, unknown>): string {
  if (!side_of) return '';
  return `This is the other side of the Environment ${String(name)}: what is done with it is done there (“Move back”, “Retire the other side”).`;
}

export function refuseSide(values: Record<string, unknown>): void {
  const words = sideWords(values);
  if (words) throw new AppError('conflict', words);
}
