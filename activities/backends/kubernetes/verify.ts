// A look at the whole cluster: what it is, what it offers, and whether we may do what Aegir does. Each thing that is missing
// is said with what to do.

import { isManifest, type Manifest } from '../../../model/manifest.ts';
import type { RunResult } from '../backend.ts';
import type { Answer } from './client.ts';
import { readLive } from './live.ts';
import { TaskFailure } from './task-failure.ts';
import type { Work } from './work.ts';

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

export interface Right {
  group: string;
  resource: string;
  verb: string;
}

/** What Kubernetes itself is known to work with: the versions between which server-side apply, Jobs' labels and validation
 * are as we use them. */
const oldestMinor = 29;

export async function verifyCluster(work: Work, document: Manifest): Promise<Pick<RunResult, 'outputs' | 'changed'>> {
  const { api, report } = work;
  const missing = await missingRights(work, rightsOf(document));
  if (missing.length > 0) {
    for (const line of rightsLines(missing)) report.line(`Missing: ${line}`);
    throw new TaskFailure(
      `In the cluster ${api.cluster.name} these rights are missing: ${rightsLines(missing).join('; ')}. Apply docs/kubernetes-rbac.yaml there as its administrator, and run “Verify” again.`,
    );
  }
  const version = await api.get<{ gitVersion: string; major: string; minor: string; platform: string }>('/version');
  const nodes = await readNodes(work);
  const storage = await readClasses(
    work,
    '/apis/storage.k8s.io/v1/storageclasses',
    'storageclass.kubernetes.io/is-default-class',
  );
  const ingress = await readClasses(
    work,
    '/apis/networking.k8s.io/v1/ingressclasses',
    'ingressclass.kubernetes.io/is-default-class',
  );
  const certManager = await hasGroup(work, 'cert-manager.io');
  const hints = hintsOf(document, { minor: Number.parseInt(version.minor, 10), nodes, storage, ingress, certManager });
  const facts = {
    version: version.gitVersion,
    platform: version.platform,
    nodes: nodes.map(({ isReady, ...node }) => ({ ...node, ready: isReady })),
    storage_classes: storage,
    ingress_classes: ingress,
    cert_manager: certManager,
    missing: hints,
  };
  report.line(
    `Kubernetes ${version.gitVersion}, ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}, all rights are there.`,
  );
  for (const hint of hints.length > 0 ? hints : ['Nothing is missing.']) report.line(hint);
  return { outputs: { facts }, changed: false };
}

/** As in a ClusterRole: each verb on each resource. */
export function rightsOf({ rules }: Manifest): Right[] {
  const list = Array.isArray(rules) ? (rules.filter(isManifest) as unknown as Rule[]) : [];
  return list.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap(group => resources.flatMap(resource => verbs.map(verb => ({ group, resource, verb })))),
  );
}

/** An API server answers hundreds of these in a second; so many at once are no burden. */
const atOnce = 10;

async function missingRights({ api }: Work, rights: Right[]): Promise<Right[]> {
  const missing: Right[] = [];
  const left = [...rights];
  const ask = async () => {
    for (let right = left.shift(); right; right = left.shift()) {
      const [resource, subresource] = right.resource.split('/');
      const resourceAttributes = {
        group: right.group,
        resource,
        verb: right.verb,
        ...(subresource ? { subresource } : {}),
      };
      const body = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes },
      };
      const answer = await api.send<{ status: { allowed: boolean } }>(
        'POST',
        '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        { body },
      );
      if (!answer.status.allowed) missing.push(right);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, ask));
  return missing;
}

/** `get, list pods`, in groups: `create deployments (apps)`. */
export function rightsLines(missing: readonly Right[]): string[] {
  const verbs = new Map<string, string[]>();
  for (const { group, resource, verb } of missing) {
    const key = group ? `${resource} (${group})` : resource;
    verbs.set(key, [...(verbs.get(key) ?? []), verb]);
  }
  return [...verbs].map(([resource, own]) => `${own.join(', ')} ${resource}`).sort();
}

interface Node {
  name: string;
  isReady: boolean;
  version: string;
  cpu: string;
  memory_bytes: number;
  pods: number;
}

async function readNodes({ api }: Work): Promise<Node[]> {
  const { items } = await api.get<{ items: Answer[] }>('/api/v1/nodes');
  return items.map(({ metadata, spec, status }) => {
    const {
      conditions = [],
      allocatable = {},
      nodeInfo,
    } = (status ?? {}) as {
      conditions?: { type: string; status: string }[];
      allocatable?: Record<string, string>;
      nodeInfo?: { kubeletVersion: string };
    };
    const isReady = conditions.some(condition => condition.type === 'Ready' && condition.status === 'True');
    const { unschedulable = false } = (spec ?? {}) as { unschedulable?: boolean };
    return {
      name: String(metadata?.name),
      isReady: isReady && !unschedulable,
      version: nodeInfo?.kubeletVersion ?? '',
      cpu: allocatable.cpu ?? '',
      memory_bytes: bytesOf(allocatable.memory ?? ''),
      pods: Number(allocatable.pods ?? 0),
    };
  });
}

const units: Record<string, number> = {
  '': 1,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
};

/** `16308152Ki` */
export function bytesOf(quantity: string): number {
  const [, number = '0', unit = ''] = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(quantity) ?? [];
  return Math.round(Number(number) * (units[unit] ?? 1));
}

interface Class {
  name: string;
  by: string;
  default: boolean;
}

async function readClasses({ api }: Work, path: string, annotation: string): Promise<Class[]> {
  const { items } = await api.get<{ items: Answer[] }>(path);
  return items.map(item => {
    const { controller } = (item.spec ?? {}) as { controller?: string };
    return {
      name: String(item.metadata?.name),
      by: String(item.provisioner ?? controller ?? ''),
      default: item.metadata?.annotations?.[annotation] === 'true',
    };
  });
}

async function hasGroup({ api }: Work, group: string): Promise<boolean> {
  return (await readLive({ api }, `/apis/${group}`)) !== null;
}

interface Found {
  minor: number;
  nodes: Node[];
  storage: Class[];
  ingress: Class[];
  certManager: boolean;
}

/** What sites will miss, or what is not as it was entered. */
export function hintsOf(document: Manifest, { minor, nodes, storage, ingress, certManager }: Found): string[] {
  const wanted = (isManifest(document.wanted) ? document.wanted : {}) as {
    storageClass?: string;
    ingressClass?: string;
  };
  const away = nodes.filter(({ isReady }) => !isReady).map(({ name }) => name);
  return [
    ...(minor < oldestMinor
      ? [`Kubernetes 1.${minor} is older than 1.${oldestMinor}, with which Aegir was never tried: update it.`]
      : []),
    ...(nodes.length === away.length ? ['No node is ready: nothing can run. Look at "kubectl describe nodes".'] : []),
    ...(away.length > 0 && away.length < nodes.length
      ? [`These nodes are not ready: ${away.join(', ')}. Look at "kubectl describe nodes".`]
      : []),
    ...classHint('storage class', 'volumes', wanted.storageClass, storage),
    ...classHint('ingress class', 'visitors', wanted.ingressClass, ingress),
    ...(certManager ? [] : ['cert-manager is not installed: Aegir gets certificates itself.']),
  ];
}

function classHint(what: string, whom: string, wanted: string | undefined, classes: Class[]): string[] {
  const known = classes.map(({ name }) => name).join(', ') || 'none';
  if (wanted && !classes.some(({ name }) => name === wanted))
    return [
      `There is no ${what} ${wanted}, which the Cluster names. There are: ${known}. Correct it on the Cluster, or add it.`,
    ];
  if (wanted || classes.some(each => each.default)) return [];
  return [
    `There is no default ${what} for ${whom} (there are: ${known}): name one on the Cluster, or mark one as the default.`,
  ];
}
