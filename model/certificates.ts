// What is known of an Environment's certificates, name by name, in words. Written by roles that may be somebody else's: only
// what has the form is read.

import { certificateDays } from './need.ts';

export const certificatesField = 'certificates';

export interface NameState {
  name: string;
  isValid: boolean;
  words: string;
}

/** @param values of an Environment. */
export function nameStatesOf(values: Record<string, unknown>): NameState[] {
  const found = values[certificatesField];
  if (typeof found !== 'object' || found === null) return [];
  return Object.entries(found).flatMap(([name, entry]) => {
    if (typeof entry !== 'object' || entry === null) return [];
    const { state, expires, message } = entry as Record<string, unknown>;
    const isValid = state === 'valid';
    const until = isValid && typeof expires === 'string' ? `valid until ${expires.slice(0, 10)}` : '';
    const said = typeof message === 'string' ? message : '';
    return [{ name, isValid, words: [until, said].filter(Boolean).join('; ') || String(state) }];
  });
}

/** Which certificates end soon, in words; '' = none does. @param values of an Environment. */
export function expiringOf(values: Record<string, unknown>, now: Date): string {
  const found = values[certificatesField];
  if (typeof found !== 'object' || found === null) return '';
  const limit = now.getTime() + certificateDays * 24 * 3_600_000;
  const words = Object.entries(found).flatMap(([name, entry]) => {
    const { state, expires } = (entry ?? {}) as Record<string, unknown>;
    const at = state === 'valid' && typeof expires === 'string' ? Date.parse(expires) : Number.NaN;
    if (Number.isNaN(at) || at > limit) return [];
    return [`${name} ${at > now.getTime() ? 'until' : 'ended on'} ${new Date(at).toISOString().slice(0, 10)}`];
  });
  return words.length > 0 ? `${words.join(', ')}. Run “Get certificates” and look at what it says.` : '';
}
