// Puts the values of a run into manifests. Pure: what cannot be filled is a sentence, and all of them are told at once.

import {
  fillText,
  isManifest,
  isSaid,
  type Manifest,
  manifestKeys,
  manifestTitle,
  placeOf,
  type runValues,
  secretRunValues,
  wholeName,
} from './manifest.ts';

export interface ManifestValues {
  arguments: Record<string, unknown>;
  secretArguments: readonly string[];
  aegir: Partial<Record<(typeof runValues)[number], string>>;
  /** Files of a folder below `kubernetes/` of the Task type, by name. */
  files(folder: string): Record<string, string>;
}

export interface FilledManifest {
  document: Manifest;
  /** It is to be removed. */
  absent: boolean;
  /** It is made where there is none, and never changed. */
  once: boolean;
  /** Task type to which it belongs; nothing: the one whose manifest it is. */
  of?: string;
}

interface Fill {
  values: ManifestValues;
  document: Manifest;
  item: unknown;
  mistakes: string[];
}

/** One document may give none, one or several. */
export function fillManifest(
  document: Manifest,
  values: ManifestValues,
): { filled: FilledManifest[]; mistakes: string[] } {
  const mistakes: string[] = [];
  const filled = repeated(document, { values, document, item: undefined, mistakes }).flatMap(fill => {
    const made = fillMap(document, [], fill);
    if (!isManifest(made)) return [];
    const of = typeof document.$of === 'string' ? { of: document.$of } : {};
    return [
      { document: withEncodedSecret(made), absent: document.$absent === true, once: document.$once === true, ...of },
    ];
  });
  return { filled, mistakes: [...new Set(mistakes)] };
}

/** Of `$each`: once for each element. */
function repeated(node: unknown, fill: Fill): Fill[] {
  const each = isManifest(node) ? node.$each : undefined;
  if (typeof each !== 'string') return [fill];
  const list = valueAt(each, fill);
  if (list === undefined || list === null) return [];
  if (Array.isArray(list)) return list.map(item => ({ ...fill, item }));
  fill.mistakes.push(say(fill, `"$each: ${each}" is no list.`));
  return [];
}

function fillNode(node: unknown, keys: (string | number)[], fill: Fill): unknown {
  if (Array.isArray(node)) return fillList(node, keys, fill);
  if (isManifest(node)) return fillMap(node, keys, fill);
  return typeof node === 'string' ? fillScalar(node, keys, fill) : node;
}

function fillList(list: unknown[], keys: (string | number)[], fill: Fill): unknown[] {
  return list.flatMap((node, index) =>
    repeated(node, fill).flatMap(one => {
      const value = fillNode(node, [...keys, index], one);
      return value === undefined ? [] : [value];
    }),
  );
}

/** undefined: it is left out. */
function fillMap(map: Manifest, keys: (string | number)[], fill: Fill): unknown {
  if (typeof map.$if === 'string' && !isSaid(valueAt(map.$if, fill))) return undefined;
  if (typeof map.$unless === 'string' && isSaid(valueAt(map.$unless, fill))) return undefined;
  const isOther = ([name, wanted]: [string, unknown]) =>
    wanted === null ? isSaid(valueAt(name, fill)) : valueAt(name, fill) !== wanted;
  if (isManifest(map.$is) && Object.entries(map.$is).some(isOther)) return undefined;
  if ('$value' in map) return fillNode(map.$value, keys, fill);
  const files = typeof map.$files === 'string' ? Object.entries(fill.values.files(map.$files)) : [];
  const given = typeof map.$keys === 'string' ? valueAt(map.$keys, fill) : undefined;
  const entries = Object.entries(map)
    .filter(([key]) => !manifestKeys.some(known => known === key))
    .map(([key, value]) => [key, fillNode(value, [...keys, key], fill)] as const);
  return Object.fromEntries([
    ...files,
    ...Object.entries(isManifest(given) ? given : {}),
    ...entries.filter(([, value]) => value !== undefined),
  ]);
}

function fillScalar(text: string, keys: (string | number)[], fill: Fill): unknown {
  const place = placeOf(fill.document, keys);
  const read = (name: string) => {
    const value = valueAt(name, fill);
    if (isSecret(name, fill.values) && !place.inSecret)
      fill.mistakes.push(say(fill, `"${name}" is a secret: it may stand in "stringData" of a Secret only.`));
    // Kubernetes makes `$(NAME)` the value of a variable, and of `$$` a dollar.
    return place.expands && typeof value === 'string' ? value.replaceAll('$', '$$$$') : value;
  };
  const name = wholeName(text);
  if (name !== null) return asWanted(read(name), place.wantsText);
  return fillText(text, part => {
    const value = read(part);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
    const why = value === undefined || value === null ? 'has no value' : 'is no single value';
    fill.mistakes.push(say(fill, `"\${${part}}" ${why} here.`));
    return '';
  });
}

function asWanted(value: unknown, wantsText: boolean): unknown {
  if (value === null || value === undefined) return undefined;
  return wantsText && typeof value !== 'string' ? JSON.stringify(value) : value;
}

/** `port`, `item`, `item.name`, `aegir.namespace`: undefined where there is none. */
function valueAt(name: string, { values, item }: Fill): unknown {
  const [head = '', ...rest] = name.split('.');
  const roots: Record<string, unknown> = { ...values.arguments, aegir: values.aegir, item };
  let value: unknown = Object.hasOwn(roots, head) ? roots[head] : undefined;
  for (const key of rest) value = isManifest(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

function isSecret(name: string, { secretArguments }: ManifestValues): boolean {
  const [head = '', own = ''] = name.split('.');
  return head === 'aegir' ? secretRunValues.includes(own) : secretArguments.includes(head);
}

const say = ({ document }: Fill, message: string) => `${manifestTitle(document)}: ${message}`;

/** `stringData` is only written, never read back: what is compared and pruned is `data`. */
function withEncodedSecret(document: Manifest): Manifest {
  const { stringData, ...rest } = document;
  if (document.kind !== 'Secret' || !isManifest(stringData)) return document;
  // Of a patch: null takes a key away, and "$patch" says how it is laid over.
  const isPlain = (key: string, value: unknown) => value === null || key === '$patch';
  const encoded = Object.entries(stringData).map(([key, value]) => [
    key,
    isPlain(key, value) ? value : toBase64(String(value)),
  ]);
  const data = isManifest(document.data) ? document.data : {};
  return { ...rest, data: { ...data, ...Object.fromEntries(encoded) } };
}

function toBase64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''));
}
