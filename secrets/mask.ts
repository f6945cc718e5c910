// Takes secrets out of text before it is stored or shown.

/** Shorter ones would mask ordinary words; they are refused where secrets are made, or are no secrets. */
const shortest = 6;

/** A function that replaces every secret, each of its lines, and its usual encodings by asterisks. */
export function createMask(secrets: string[]): (text: string) => string {
  const forms = new Set<string>();
  for (const secret of secrets) {
    for (const part of [secret, ...secret.split(/\r?\n/)]) {
      const value = part.trim();
      if (value.length < shortest) continue;
      for (const form of [
        value,
        JSON.stringify(value).slice(1, -1),
        encodeURIComponent(value),
        Buffer.from(value).toString('base64'),
      ]) {
        forms.add(form);
      }
    }
  }
  const longestFirst = [...forms].sort((one, other) => other.length - one.length);
  if (longestFirst.length === 0) return text => text;
  const pattern = new RegExp(longestFirst.map(form => form.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'g');
  return text => text.replace(pattern, '********');
}

/** The same for every string in a value. */
export function maskValue(mask: (text: string) => string, value: unknown): unknown {
  if (typeof value === 'string') return mask(value);
  if (Array.isArray(value)) return value.map(entry => maskValue(mask, entry));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, maskValue(mask, entry)]));
  }
  return value;
}
