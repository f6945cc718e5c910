// For tests: Task types as manifests in a real cluster, carried out as Aegir's own service account, a namespace for each.

import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { aegirKubeconfig } from '../../../../test/cluster-account.ts';
import { startTestCluster, type TestCluster } from '../../../../test/test-cluster.ts';
import type { ClusterConnection, Run } from '../../backend.ts';
import { type Folder, makeFolder, makeRun } from '../../test-run.ts';
import { ownLabels } from '../labels.ts';

export interface Stage {
  cluster: TestCluster;
  /** Image whose arguments are steps: `say hello`, `sleep 2`, `exit 3` (test/cluster/images/steps). */
  steps: string;
  /** Image of a web server on port 8080. */
  serve: string;
  /** An Environment of its own, with its namespace. */
  environment(values?: Partial<ClusterConnection>): Promise<Place>;
  stop(): Promise<void>;
}

export interface Place {
  namespace: string;
  connection: ClusterConnection;
  /** @param files below `kubernetes/` of the Task type. */
  runOf(files: Record<string, string>, values?: Partial<Run>): Promise<Run>;
  kubectl(...args: string[]): Promise<string>;
}

export async function makeStage(prefix: string): Promise<Stage> {
  const cluster = await startTestCluster(prefix);
  const [{ name: steps }, { name: serve }] = await Promise.all([
    cluster.importImage('steps'),
    cluster.importImage('serve'),
  ]);
  const kubeconfig = await aegirKubeconfig(cluster);
  const folders: Folder[] = [];
  return {
    cluster,
    steps,
    serve,
    async environment(values = {}) {
      const name = `t${randomBytes(4).toString('hex')}`;
      const namespace = `aegir-${name}`;
      const connection: ClusterConnection = {
        id: 'cluster-1',
        name: cluster.name,
        kubeconfig,
        context: '',
        namespace,
        environment: { id: `environment-${name}`, name },
        feedbackUrl: '',
        ...values,
      };
      await cluster.apply({
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: namespace, labels: ownLabels(connection) },
      });
      return {
        namespace,
        connection,
        kubectl: (...args) => cluster.kubectl(['--namespace', namespace, ...args]),
        async runOf(files, runValues = {}) {
          const folder = await makeFolder(
            Object.fromEntries(Object.entries(files).map(([file, text]) => [`kubernetes/${file}`, text])),
          );
          folders.push(folder);
          return makeRun({ folder: folder.path, target: 'cluster', cluster: connection, ...runValues });
        },
      };
    },
    async stop() {
      for (const folder of folders) await folder.remove();
      await cluster.stop();
    },
  };
}

/** A Job of the steps, in YAML. */
export function jobOf(
  image: string,
  steps: string[],
  more: { name?: string; pod?: string; container?: string } = {},
): string {
  const { name = 'work', pod = '', container = '' } = more;
  return `apiVersion: batch/v1
kind: Job
metadata: {name: ${name}}
spec:
  template:
    spec:
      terminationGracePeriodSeconds: 0
      ${pod}
      containers:
        - name: steps
          image: ${image}
          args: ${JSON.stringify(steps)}
          ${container}
`;
}

/** A Deployment of the web server, in YAML. */
export function deploymentOf(
  image: string,
  more: { name?: string; spec?: string; pod?: string; container?: string } = {},
): string {
  const { name = 'web', spec = '', pod = '', container = '' } = more;
  return `apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${name}}}
  ${spec}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      terminationGracePeriodSeconds: 0
      ${pod}
      containers:
        - name: ${name}
          image: ${image}
          ${container}
`;
}

export const succeeds = expect.objectContaining({ status: 'succeeded', message: '' });
