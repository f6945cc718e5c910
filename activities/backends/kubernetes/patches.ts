// Lays the overrides of a manifest over it, one over the other. A patch names what it is for by kind and name; one that fits
// nothing is a mistake, unless what it is for is only left out of this run.

import { readDocuments } from '../../../catalogue/read-manifests.ts';
import { type FilledManifest, fillManifest, type ManifestValues } from '../../../model/fill-manifest.ts';
import { isManifest, type Manifest, manifestTitle, partNames, wholeName } from '../../../model/manifest.ts';
import { mergeManifest } from '../../../model/merge-manifest.ts';
import type { ManifestPatch, Run } from '../backend.ts';

interface FilledFile {
  /** As they were filled: some are left out, some are there several times. */
  documents: FilledManifest[];
  /** As they stand in the file. */
  written: Manifest[];
  mistakes: string[];
}

export function readFilled(file: string, text: string, values: ManifestValues): FilledFile {
  const { documents: written, mistakes } = readDocuments(file, text);
  const filled = written.map(document => fillManifest(document, values));
  return {
    documents: filled.flatMap(each => each.filled),
    written,
    mistakes: [...mistakes, ...filled.flatMap(each => each.mistakes.map(message => `${file}: ${message}`))],
  };
}

export function patchFile(
  file: string,
  base: FilledFile,
  { patches }: Run,
  values: ManifestValues,
): Pick<FilledFile, 'documents' | 'mistakes'> {
  const mistakes: string[] = [];
  const layers = (patches[file] ?? []).map(patch => {
    const read = readFilled(titleOf(file, patch), patch.text, values);
    mistakes.push(...read.mistakes, ...strayDocuments(titleOf(file, patch), read, base));
    return read.documents;
  });
  const patched = base.documents.map(({ document, ...rest }) => {
    const own = layers.flat().filter(patch => isFor(patch.document, document));
    return { ...rest, document: own.reduce((merged, patch) => mergeManifest(merged, patch.document), document) };
  });
  return { documents: patched, mistakes };
}

/** For files that the Task type has not, or has no more. */
export function strayPatches({ patches }: Run, files: readonly string[]): string[] {
  const known = files.join(', ');
  return Object.entries(patches)
    .filter(([file]) => !files.includes(file))
    .flatMap(([file, layers]) => layers.map(patch => `${titleOf(file, patch)}: there is no such file, only ${known}.`));
}

const titleOf = (file: string, { whose }: ManifestPatch) => `Override of ${file} (${whose})`;

function strayDocuments(title: string, patch: FilledFile, base: FilledFile): string[] {
  const there = base.documents.map(({ document }) => document);
  const known = [...new Set([...there, ...base.written.filter(isConditional)].map(manifestTitle))].join(', ');
  return patch.documents
    .filter(({ document }) => !there.some(each => isFor(document, each)))
    .filter(({ document }) => !base.written.some(each => isConditional(each) && mayBeFor(document, each)))
    .map(({ document }) => `${title}: ${manifestTitle(document)} is not there, only ${known || 'nothing'}.`);
}

const nameOf = ({ metadata }: Manifest) => (isManifest(metadata) ? String(metadata.name ?? '') : '');

const isFor = (patch: Manifest, document: Manifest) =>
  patch.kind === document.kind && nameOf(patch) === nameOf(document);

const isConditional = (written: Manifest) => ['$if', '$unless', '$each'].some(key => key in written);

/** Its name is known only when it is filled. */
const mayBeFor = (patch: Manifest, written: Manifest) =>
  patch.kind === written.kind &&
  (nameOf(patch) === nameOf(written) || wholeName(nameOf(written)) !== null || partNames(nameOf(written)).length > 0);
