// The language of manifests in `kubernetes/*.yml` of Task types, over parsed documents: what in them stands for a value. A
// value is put into its place as it is; nothing of it is read again.

export type Manifest = Record<string, unknown>;

export const manifestKeys = [
  '$if',
  '$unless',
  '$is',
  '$each',
  '$value',
  '$keys',
  '$files',
  '$absent',
  '$once',
  '$of',
] as const;

/** Of a run, beside its arguments. */
export const runValues = [
  'namespace',
  'environment',
  'task',
  'feedback_url',
  'feedback_token',
  'role',
  'variables',
] as const;
/** Of them: in Secrets only. */
export const secretRunValues: readonly string[] = ['feedback_token', 'variables'];
/** Of them: what the same folder has for Servers (role or program), as a program for Python (base64), and its variables. */
export const roleRunValues: readonly string[] = ['role', 'variables'];

const word = '[a-z_][a-z0-9_]*(?:\\.[a-zA-Z0-9_-]+)*';
const whole = new RegExp(`^\\$(${word})$`);
const part = /\$\$|\$\{([^}]*)\}/g;
const name = new RegExp(`^${word}$`);

/** `$name`: the whole scalar is that value. */
export function wholeName(text: string): string | null {
  return whole.exec(text)?.[1] ?? null;
}

/** Names of `${name}` in a text; one that is no name is given as it stands. */
export function partNames(text: string): string[] {
  return [...text.matchAll(part)].flatMap(([, inner]) => (inner === undefined ? [] : [inner]));
}

export const isName = (text: string): boolean => name.test(text);

/** `$$` is a dollar; `${name}` is what `textOf` says. */
export function fillText(text: string, textOf: (name: string) => string): string {
  return text.replace(part, (_, inner: string | undefined) => (inner === undefined ? '$' : textOf(inner)));
}

/** Where in a manifest something stands, as far as it matters. */
export interface Place {
  /** Of a Secret: what is in its `stringData`. */
  inSecret: boolean;
  /** Within a container of a pod. */
  inContainer: boolean;
  /** Kubernetes replaces `$(NAME)` there. */
  expands: boolean;
  /** Kubernetes takes only texts there. */
  wantsText: boolean;
}

const podKinds = new Set(['Pod', 'Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'CronJob']);
const textMaps = new Set(['data', 'stringData', 'labels', 'annotations', 'matchLabels', 'nodeSelector']);

/** @param keys from the document down to the place; positions of lists are numbers. */
export function placeOf(document: Manifest, keys: readonly (string | number)[]): Place {
  const kind = String(document.kind ?? '');
  const [last, parent] = [keys.at(-1), keys.at(-2)];
  const inContainer = podKinds.has(kind) && keys.some(key => key === 'containers' || key === 'initContainers');
  const isWord = typeof last === 'number' && (parent === 'command' || parent === 'args');
  const isVariable = last === 'value' && typeof parent === 'number' && keys.at(-3) === 'env';
  return {
    inSecret: kind === 'Secret' && keys[0] === 'stringData' && keys.length === 2,
    inContainer,
    expands: inContainer && (isWord || isVariable),
    wantsText: (inContainer && (isWord || isVariable)) || textMaps.has(String(parent)),
  };
}

/** Empty means no: `$if` leaves out what has nothing to show. */
export function isSaid(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value !== 'object' || Object.keys(value).length > 0;
}

export function isManifest(value: unknown): value is Manifest {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `Deployment web`, for people. */
export function manifestTitle(document: Manifest): string {
  const { name: called } = (isManifest(document.metadata) ? document.metadata : {}) as { name?: unknown };
  return `${String(document.kind ?? 'object')} ${typeof called === 'string' ? called : ''}`.trim();
}
