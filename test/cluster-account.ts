// A cluster as Aegir gets it: with the documented rights and no more.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestCluster } from './test-cluster.ts';

const manifest = join(import.meta.dirname, '..', 'docs', 'kubernetes-rbac.yaml');

/** Applies docs/kubernetes-rbac.yaml and answers a kubeconfig of its service account. */
export async function aegirKubeconfig(cluster: TestCluster, lifetimeSeconds?: number): Promise<string> {
  await cluster.apply(await readFile(manifest, 'utf8'));
  const account = { namespace: 'aegir-system', name: 'aegir' };
  return cluster.accountKubeconfig({ ...account, ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }) });
}
