// Which Secrets and ConfigMaps a pod names, and what in them it was made with.

import { createHash } from 'node:crypto';
import { isManifest, type Manifest } from '../../../model/manifest.ts';
import { readLive } from './live.ts';
import { waitedKinds } from './rollout.ts';
import type { Work } from './work.ts';

export const ownKinds: readonly unknown[] = ['Secret', 'ConfigMap'];

/** What stands where a pod names a Secret or a ConfigMap. */
export const referenceKeys: Record<string, Record<string, string>> = {
  Secret: {
    secret: 'secretName',
    secretRef: 'name',
    secretKeyRef: 'name',
    imagePullSecrets: 'name',
    tls: 'secretName',
  },
  ConfigMap: { configMap: 'name', configMapRef: 'name', configMapKeyRef: 'name' },
};

/** Within `projected` volumes a Secret is called by `name`, too. */
function referencesAt(kind: string, key: string, node: Manifest): string[] {
  const own = referenceKeys[kind]?.[key];
  if (!own) return [];
  return [node[own], node.name].filter((value): value is string => typeof value === 'string');
}

export function namesIn(node: unknown, kind: string): Set<string> {
  const names = new Set<string>();
  const look = (value: unknown, key: string) => {
    if (Array.isArray(value)) for (const item of value) look(item, key);
    else if (isManifest(value)) {
      for (const name of referencesAt(kind, key, value)) names.add(name);
      for (const [inner, each] of Object.entries(value)) look(each, inner);
    }
  };
  look(node, '');
  return names;
}

/** Of a pod: what its Secrets and ConfigMaps held when it was made. */
export const configurationAnnotation = 'aegir.dev/configuration';

const plurals: Record<string, string> = { Secret: 'secrets', ConfigMap: 'configmaps' };

/** Pods read their configuration when they begin: another one makes new pods. Also what other Task types have written counts. */
export async function withConfiguration(
  work: Work,
  document: Manifest,
  declared: readonly Manifest[],
): Promise<Manifest> {
  const spec = isManifest(document.spec) ? document.spec : {};
  if (!waitedKinds.includes(document.kind) || !isManifest(spec.template)) return document;
  const { template } = spec;
  const held: unknown[] = [];
  for (const kind of Object.keys(plurals))
    for (const name of [...namesIn(template, kind)].sort())
      held.push([kind, name, await dataOf(work, kind, name, declared)]);
  if (held.length === 0) return document;
  const metadata = isManifest(template.metadata) ? template.metadata : {};
  const annotations = isManifest(metadata.annotations) ? metadata.annotations : {};
  const hash = createHash('sha256').update(JSON.stringify(held)).digest('hex');
  const marked = { ...metadata, annotations: { ...annotations, [configurationAnnotation]: hash } };
  return { ...document, spec: { ...spec, template: { ...template, metadata: marked } } };
}

async function dataOf(work: Work, kind: string, name: string, declared: readonly Manifest[]): Promise<unknown> {
  const isIt = ({ kind: other, metadata }: Manifest) =>
    other === kind && isManifest(metadata) && metadata.name === name;
  const path = `/api/v1/namespaces/${work.cluster.namespace}/${plurals[kind]}/${name}`;
  const { data = null } = (declared.find(isIt) ?? (await readLive(work, path)) ?? {}) as { data?: unknown };
  return isManifest(data) ? Object.entries(data).sort() : data;
}
