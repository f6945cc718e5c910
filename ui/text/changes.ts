// Which fields differ between two states of an object, as texts.

export interface Change {
  path: string;
  before: string | undefined;
  after: string | undefined;
}

type Values = Record<string, unknown>;

export function changedFields(before: Values | null, after: Values | null): Change[] {
  const old = flatten(before ?? {});
  const now = flatten(after ?? {});
  const paths = [...new Set([...old.keys(), ...now.keys()])];
  return paths
    .map(path => ({ path, before: old.get(path), after: now.get(path) }))
    .filter(change => change.before !== change.after);
}

/** One level deep (`values.name`, `fields.contact`); deeper values are shown as JSON. */
function flatten(values: Values): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [name, value] of Object.entries(values)) {
    if (isRecord(value)) for (const [inner, one] of Object.entries(value)) add(flat, `${name}.${inner}`, one);
    else add(flat, name, value);
  }
  return flat;
}

function add(flat: Map<string, string>, path: string, value: unknown): void {
  if (value === null || value === undefined || value === '') return;
  flat.set(path, typeof value === 'string' ? value : JSON.stringify(value));
}

function isRecord(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
