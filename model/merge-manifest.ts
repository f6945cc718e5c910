// Lays a patch over a manifest, as Kubernetes does by a strategic merge patch: maps are merged, null takes away, lists whose
// elements have a name are merged by it, other lists are replaced.

import { isManifest, type Manifest } from './manifest.ts';

/** Lists that are merged, with the key of their elements (patchMergeKey in the API's own description of its types). */
const mergeKeys: Record<string, readonly string[]> = {
  containers: ['name'],
  initContainers: ['name'],
  volumes: ['name'],
  env: ['name'],
  imagePullSecrets: ['name'],
  volumeMounts: ['mountPath'],
  volumeDevices: ['devicePath'],
  hostAliases: ['ip'],
  topologySpreadConstraints: ['topologyKey'],
  // Of a container, and of a Service.
  ports: ['containerPort', 'port'],
};

export function mergeManifest(base: Manifest, patch: Manifest): Manifest {
  return mergeMaps(base, patch);
}

function mergeMaps(base: Manifest, patch: Manifest): Manifest {
  const { $patch, ...rest } = patch;
  if ($patch === 'replace') return rest;
  const merged: Manifest = { ...base };
  for (const [key, value] of Object.entries(rest)) {
    if (value === null) delete merged[key];
    else merged[key] = mergeValues(key, merged[key], value);
  }
  return merged;
}

function mergeValues(name: string, base: unknown, patch: unknown): unknown {
  if (isManifest(patch)) return mergeMaps(isManifest(base) ? base : {}, patch);
  const key = Array.isArray(patch) ? keyOf(name, patch) : undefined;
  if (key && Array.isArray(patch)) return mergeLists(Array.isArray(base) ? base : [], patch, key);
  return patch;
}

function keyOf(name: string, patch: unknown[]): string | undefined {
  const keys = Object.hasOwn(mergeKeys, name) ? (mergeKeys[name] ?? []) : [];
  return keys.find(key => patch.every(item => isManifest(item) && (key in item || item.$patch === 'replace')));
}

function mergeLists(base: unknown[], patch: unknown[], key: string): unknown[] {
  const given = patch.filter(isManifest);
  const whole = given.filter(item => item.$patch === 'replace' && !(key in item)).length > 0;
  const merged = whole ? [] : [...base];
  for (const item of given.filter(each => key in each)) {
    const { $patch, ...rest } = item;
    const at = merged.findIndex(one => isManifest(one) && one[key] === item[key]);
    if ($patch === 'delete') {
      if (at >= 0) merged.splice(at, 1);
    } else if (at < 0) merged.push(mergeMaps({}, rest));
    else merged[at] = mergeMaps(merged[at] as Manifest, item);
  }
  return merged;
}
