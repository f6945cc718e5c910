// What is known of an Environment's certificates, name by name, in words. Written by roles that may be somebody else's: only
// what has the form is read.

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
