// What is kept of a run, without secrets, so that an engineer can see it and apply it by hand.

import { renderDocuments } from '../../../catalogue/read-manifests.ts';
import { isManifest, type Manifest } from '../../../model/manifest.ts';
import type { ClusterConnection, Run } from '../backend.ts';
import { fieldManager } from './labels.ts';
import type { Rendered } from './render.ts';

export function renderKept(
  run: Run,
  cluster: ClusterConnection,
  rendered: readonly Rendered[],
): Record<string, string> {
  const there = rendered.filter(({ absent }) => !absent).map(({ document }) => withoutSecrets(document));
  const gone = rendered.filter(({ absent }) => absent).map(({ document }) => withoutSecrets(document));
  return {
    'manifests.yml': renderDocuments(there),
    ...(gone.length > 0 ? { 'absent.yml': renderDocuments(gone) } : {}),
    README: `${run.taskType.title}: Task ${run.taskId}, attempt ${run.attempt}, ${run.taskType.name} at version ${run.taskType.version}.
The objects as they were applied in the cluster ${cluster.name}; fill in the values of Secrets first.
${renderOverrides(run)}${renderCommand(run, cluster)}
`,
    COMMAND: renderCommand(run, cluster),
  };
}

function renderOverrides({ patches }: Run): string {
  const lines = Object.entries(patches).map(
    ([file, layers]) => `Laid over ${file}, the last one counts: ${layers.map(({ whose }) => whose).join('; ')}.\n`,
  );
  return lines.join('');
}

function renderCommand({ checkMode }: Run, { namespace }: ClusterConnection): string {
  const within = namespace ? ` --namespace=${namespace}` : '';
  const mode = checkMode ? ' --dry-run=server' : '';
  return `kubectl apply --server-side --field-manager=${fieldManager}${within}${mode} -f manifests.yml`;
}

/** Nor what is packed: nobody reads it, and each run would keep its own. */
export function withoutSecrets(document: Manifest): Manifest {
  const { kind, data, binaryData } = document;
  if (kind === 'Secret' && isManifest(data)) return { ...document, data: emptied(data) };
  return isManifest(binaryData) ? { ...document, binaryData: emptied(binaryData) } : document;
}

const emptied = (data: Manifest): Manifest => Object.fromEntries(Object.keys(data).map(key => [key, '']));
