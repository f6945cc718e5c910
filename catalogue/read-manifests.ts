// The Kubernetes manifests of a Task type: `kubernetes/*.yml`, several documents each, in the order in which they are applied.

import { join } from 'node:path';
import { stringify } from 'yaml';
import type { CatalogueProblem } from '../model/catalogue.ts';
import { checkManifest } from '../model/check-manifest.ts';
import { isManifest, type Manifest } from '../model/manifest.ts';
import type { TaskType } from '../model/task-type.ts';
import type { FolderFile } from './folder-files.ts';
import { locate, type ParsedYaml, parseYamlDocuments } from './yaml-source.ts';

const folder = 'kubernetes';

export const manifestPattern = /^kubernetes\/[^/]+\.ya?ml$/;

export const isManifestFile = (path: string): boolean => manifestPattern.test(path);

/** Those that an override may patch, by the name under which it does. */
export const manifestFiles = (files: readonly { path: string }[]): string[] =>
  files.map(file => file.path).filter(isManifestFile);

/** Mistakes as `file:line`. */
export function checkManifests(
  typeFolder: string,
  files: FolderFile[],
  { arguments: specs, outputs }: Pick<TaskType, 'arguments' | 'outputs'>,
): CatalogueProblem[] {
  const known = {
    arguments: specs,
    outputs: outputs.map(({ name }) => name),
    folders: fileFolders(files),
    hasRole: files.some(({ path }) => path === 'tasks/main.yml' || path === 'shell/run'),
  };
  const wrongSize = [...known.folders].flatMap(name => checkSize(typeFolder, name, files));
  const mistakes = files
    .filter(file => isManifestFile(file.path))
    .flatMap(file =>
      parseYamlDocuments(join(typeFolder, file.path), file.content.toString()).flatMap(parsed =>
        'problems' in parsed ? parsed.problems : locate(parsed.source, checkManifest(parsed.source.data, known)),
      ),
    );
  return [...mistakes, ...wrongSize];
}

/** Folders below `kubernetes/`: their files go into ConfigMaps. */
function fileFolders(files: readonly { path: string }[]): string[] {
  const names = files.flatMap(({ path }) => /^kubernetes\/([^/]+)\/[^/]+$/.exec(path)?.[1] ?? []);
  return [...new Set(names)];
}

/** Of a ConfigMap Kubernetes takes 1 MiB with everything; the rest is for its names. */
const largestFolderBytes = 1000 * 1024;

function checkSize(typeFolder: string, name: string, files: FolderFile[]): CatalogueProblem[] {
  const within = files.filter(({ path }) => path.startsWith(`${folder}/${name}/`));
  const file = join(typeFolder, folder, name);
  const bytes = within.reduce((sum, { content }) => sum + content.length, 0);
  const odd = within.filter(({ path }) => !/^[-._a-zA-Z0-9]+$/.test(path.slice(`${folder}/${name}/`.length)));
  return [
    ...(bytes > largestFolderBytes
      ? [{ file, line: 1, message: 'holds more than a ConfigMap may: 1000 KiB. Put large files into the image.' }]
      : []),
    ...odd.map(({ path }) => ({
      file: join(typeFolder, path),
      line: 1,
      message:
        'cannot be in a ConfigMap: names have letters, digits, “.”, “_” and “-”, and there are no folders in it.',
    })),
  ];
}

/** Of a file as it is, or of an override. */
export function readDocuments(file: string, text: string): { documents: Manifest[]; mistakes: string[] } {
  const parsed: ParsedYaml[] = parseYamlDocuments(file, text);
  return {
    documents: parsed.flatMap(each => ('source' in each ? [each.source.data] : [])),
    mistakes: parsed.flatMap(each =>
      'problems' in each ? each.problems.map(problem => `${file}:${problem.line}: ${problem.message}`) : [],
    ),
  };
}

/** As people read it: no references between equal parts, no broken lines. */
export function renderDocuments(documents: readonly unknown[]): string {
  return documents.map(document => stringify(document, { aliasDuplicateObjects: false, lineWidth: 0 })).join('---\n');
}

/** What each document of a manifest is called by: a patch that changes nothing yet. */
export function renderHeads(text: string): string {
  const heads = readDocuments('', text).documents.map(({ apiVersion, kind, metadata }) => ({
    apiVersion,
    kind,
    ...(isManifest(metadata) ? { metadata: { name: metadata.name } } : {}),
  }));
  return renderDocuments(heads);
}
