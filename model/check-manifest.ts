// What can be said of a manifest of a Task type before it is ever filled: names that are no arguments, secrets that would
// stand in the open, what Aegir needs to know of Jobs.

import type { Problem } from './errors.ts';
import {
  isManifest,
  isName,
  type Manifest,
  manifestKeys,
  type Place,
  partNames,
  placeOf,
  roleRunValues,
  runValues,
  secretRunValues,
  wholeName,
} from './manifest.ts';
import { suggestName } from './near-name.ts';
import type { Argument } from './task-type.ts';

/** Of documents of Aegir itself among the manifests, which are applied nowhere. */
const ownVersion = 'aegir.dev/v1';

const isOwn = (document: Manifest, kind: string) => document.apiVersion === ownVersion && document.kind === kind;

/** It looks at the cluster. */
export const isClusterCheck = (document: Manifest): boolean => isOwn(document, 'ClusterCheck');

/** It gives outputs without a Job. */
export const isOutputs = (document: Manifest): boolean => isOwn(document, 'Outputs');

/** Why it is not carried out with these values. */
export const isRefusal = (document: Manifest): boolean => isOwn(document, 'Refusal');

/** The size of the Deployment of its name, which the Deployment's own manifest leaves open. */
export const isScale = ({ apiVersion, kind }: Manifest): boolean => apiVersion === 'autoscaling/v1' && kind === 'Scale';

export interface KnownOfType {
  arguments: Argument[];
  /** Names. */
  outputs: readonly string[];
  /** Folders below `kubernetes/` that hold files. */
  folders: readonly string[];
  /** The folder is an Ansible role, or has a program, for Servers. */
  hasRole: boolean;
}

interface Check {
  document: Manifest;
  known: KnownOfType;
  problems: Problem[];
}

type Keys = readonly (string | number)[];

/** Paths are those of the document. */
export function checkManifest(document: Manifest, known: KnownOfType): Problem[] {
  const check: Check = { document, known, problems: [] };
  checkHead(document, check);
  checkNode(document, [], { given: [], hasItem: false }, check);
  return check.problems;
}

function checkHead(document: Manifest, check: Check): void {
  const { problems } = check;
  for (const path of ['apiVersion', 'kind'])
    if (typeof document[path] !== 'string' || String(document[path]).includes('$'))
      problems.push({ path, message: 'must be given, as a plain word.' });
  if (isClusterCheck(document)) return;
  if (isRefusal(document)) {
    if (typeof document.message !== 'string') problems.push({ path: 'message', message: 'must be given.' });
    return;
  }
  if (isOutputs(document)) {
    checkOutputs(document, check);
    return;
  }
  const metadata = isManifest(document.metadata) ? document.metadata : {};
  if (typeof metadata.name !== 'string') problems.push({ path: 'metadata.name', message: 'must be given.' });
  if ('generateName' in metadata)
    problems.push({ path: 'metadata.generateName', message: 'must not be given: Aegir finds an object by its name.' });
  if ('namespace' in metadata)
    problems.push({ path: 'metadata.namespace', message: 'must not be given: it is that of the Environment.' });
  for (const path of ['$absent', '$once'])
    if (path in document && document[path] !== true) problems.push({ path, message: 'must be true, or left out.' });
  if ('$absent' in document && '$once' in document)
    problems.push({ path: '$once', message: 'makes no sense with "$absent".' });
  if ('$of' in document && !/^[a-z][a-z0-9_]*$/.test(String(document.$of)))
    problems.push({ path: '$of', message: 'must be the name of a Task type.' });
  if (isScale(document) && 'spec' in document && !isManifest(document.spec))
    problems.push({ path: 'spec', message: 'must have "replicas".' });
  if (document.kind === 'Job') checkJob(document, problems);
}

function checkOutputs({ outputs }: Manifest, { known, problems }: Check): void {
  if (!isManifest(outputs)) problems.push({ path: 'outputs', message: 'must be given: a value for each name.' });
  else
    for (const name of Object.keys(outputs).filter(key => !key.startsWith('$') && !known.outputs.includes(key)))
      problems.push({
        path: `outputs.${name}`,
        message: `is no output of this Task type.${suggestName(name, [...known.outputs])} Known: ${known.outputs.join(', ') || 'none'}.`,
      });
}

/** One pod, once: its exit code is that of the Task. */
function checkJob({ spec }: Manifest, problems: Problem[]): void {
  const fixed: [key: string, value: number][] = [
    ['backoffLimit', 0],
    ['completions', 1],
    ['parallelism', 1],
  ];
  const job = isManifest(spec) ? spec : {};
  for (const [key, value] of fixed)
    if (key in job && job[key] !== value)
      problems.push({
        path: `spec.${key}`,
        message: `must be ${value}, or left out: the Task's "retry" says how often it is tried.`,
      });
  const template = isManifest(job.template) && isManifest(job.template.spec) ? job.template.spec : {};
  if ('restartPolicy' in template && template.restartPolicy !== 'Never')
    problems.push({ path: 'spec.template.spec.restartPolicy', message: 'must be Never, or left out.' });
}

/** What is known to have a value, by `$if`, and whether there is an element of `$each`. */
interface Within {
  given: readonly string[];
  hasItem: boolean;
}

function checkNode(node: unknown, keys: Keys, within: Within, check: Check): void {
  if (Array.isArray(node)) {
    checkScript(node, keys, check);
    for (const [index, item] of node.entries()) checkNode(item, [...keys, index], within, check);
  } else if (isManifest(node)) checkMap(node, keys, within, check);
  else if (typeof node === 'string') checkText(node, keys, within, check);
}

function checkMap(map: Manifest, keys: Keys, outer: Within, check: Check): void {
  const report = (key: string, message: string) => check.problems.push({ path: [...keys, key].join('.'), message });
  const isRepeatable = keys.length === 0 || typeof keys.at(-1) === 'number';
  const within = { ...outer };
  for (const key of Object.keys(map).filter(each => each.startsWith('$') && each !== '$patch')) {
    const value = map[key];
    if (!manifestKeys.some(known => known === key)) report(key, `is not known. Known: ${manifestKeys.join(', ')}.`);
    else if (key === '$absent' || key === '$once' || key === '$of') {
      if (keys.length > 0) report(key, 'belongs to a whole document.');
    } else if (key === '$value') {
      if (keys.length === 0) report(key, 'belongs to a place within a document.');
      const beside = Object.keys(map).filter(other => !other.startsWith('$'));
      if (beside.length > 0) report(key, `is all that stands there: take ${beside.join(', ')} away.`);
    } else if (key === '$is') checkIs(value, message => report(key, message), outer, check);
    else if (typeof value !== 'string') report(key, 'must be a name.');
    else if (key === '$files') {
      if (!check.known.folders.includes(value))
        report(
          key,
          `There is no folder kubernetes/${value} with files. There are: ${check.known.folders.join(', ') || 'none'}.`,
        );
    } else {
      const wrong = nameProblem(value, outer, check);
      if (wrong) report(key, wrong);
      if (key === '$each' && !isRepeatable) report(key, 'belongs to a document or an element of a list.');
      if (key === '$each' && !wrong && !holdsList(value, check)) report(key, `"${value}" is no list.`);
      if (key === '$each') within.hasItem = true;
      if (key === '$if') within.given = [...within.given, value];
    }
  }
  if ('$value' in map) checkNode(map.$value, keys, within, check);
  for (const [key, value] of Object.entries(map))
    if (!key.startsWith('$')) checkNode(value, [...keys, key], within, check);
}

/** Names with the value that each must have. */
function checkIs(wanted: unknown, report: (message: string) => void, within: Within, check: Check): void {
  if (!isManifest(wanted)) report('must be a map of names and the values that they are to have.');
  else
    for (const [name, value] of Object.entries(wanted)) {
      const { choices } = argumentOf(name, check) ?? {};
      const wrong = nameProblem(name, within, check);
      if (wrong) report(wrong);
      else if (value !== null && choices && !choices.includes(value))
        report(`"${name}" is never ${JSON.stringify(value)}, but one of ${choices.join(', ')}.`);
    }
}

function checkText(text: string, keys: Keys, within: Within, check: Check): void {
  const report = (message: string) => check.problems.push({ path: keys.join('.'), message });
  const place = placeOf(check.document, keys);
  const name = wholeName(text);
  const names = name === null ? partNames(text) : [name];
  for (const each of names) {
    const wrong = nameProblem(each, within, check) ?? secretProblem(each, place, check) ?? undefined;
    if (wrong) report(wrong);
    else if (name === null && mayBeEmpty(each, within, check))
      report(`"${each}" may have no value: make it required, give it a default, or put "$if: ${each}" around it.`);
    else if (name === null && holdsMany(each, check)) report(`"${each}" is no single value.`);
  }
}

function nameProblem(name: string, { hasItem }: Within, { known }: Check): string | null {
  if (!isName(name)) return `"\${${name}}" is no name of an argument; "$\${" is a plain "\${".`;
  const [head = '', own = ''] = name.split('.');
  if (head === 'item') return hasItem ? null : '"item" is known within "$each" only.';
  if (head === 'aegir' && roleRunValues.includes(own) && !known.hasRole)
    return `"${name}" is what the same folder has for Servers, and there is neither tasks/main.yml nor shell/run.`;
  if (head === 'aegir')
    return runValues.some(value => value === own)
      ? null
      : `"${name}" is not known. Known: ${runValues.map(value => `aegir.${value}`).join(', ')}.`;
  const names = known.arguments.map(argument => argument.name);
  if (names.includes(head)) return null;
  return `"${head}" is no argument of this Task type.${suggestName(head, names)} Known: ${names.join(', ') || 'none'}.`;
}

const argumentOf = (name: string, { known }: Check) =>
  known.arguments.find(argument => argument.name === name.split('.')[0]);

function secretProblem(name: string, { inSecret }: Place, check: Check): string | null {
  const argument = argumentOf(name, check);
  const [head = '', own = ''] = name.split('.');
  const isSecret = head === 'aegir' ? secretRunValues.includes(own) : argument?.secret || argument?.opened;
  if (!isSecret || inSecret) return null;
  return `"${name}" is a secret: it may stand in "stringData" of a Secret only; containers read it from there.`;
}

function mayBeEmpty(name: string, { given }: Within, check: Check): boolean {
  const argument = argumentOf(name, check);
  if (!argument || given.some(known => known === name || known === name.split('.')[0])) return false;
  return name.includes('.') || (!argument.required && argument.default === undefined);
}

function holdsMany(name: string, check: Check): boolean {
  const argument = argumentOf(name, check);
  return !name.includes('.') && (argument?.type === 'list' || argument?.type === 'dict');
}

function holdsList(name: string, check: Check): boolean {
  const argument = argumentOf(name, check);
  return !argument || name.includes('.') || ['list', 'raw', 'json'].includes(argument.type);
}

/** A value within a script would be part of it. */
function checkScript(words: unknown[], keys: Keys, check: Check): void {
  const [last] = keys.slice(-1);
  if (last !== 'command' && last !== 'args') return;
  if (!placeOf(check.document, keys).inContainer) return;
  const container = containerAt(check.document, keys);
  const command = Array.isArray(container.command) ? container.command : [];
  const isScript = (index: number) => {
    const before = index > 0 ? words[index - 1] : last === 'args' ? command.at(-1) : undefined;
    return typeof before === 'string' && /^-[a-z]*c$/.test(before);
  };
  for (const [index, word] of words.entries()) {
    if (typeof word !== 'string' || !isScript(index)) continue;
    if (wholeName(word) !== null || partNames(word).length > 0)
      check.problems.push({
        path: [...keys, index].join('.'),
        message: 'A value must not be part of a script: give it by "env" and use the variable.',
      });
  }
}

function containerAt(document: Manifest, keys: Keys): Manifest {
  let node: unknown = document;
  for (const key of keys.slice(0, -1)) node = (node as Record<string | number, unknown>)[key];
  return isManifest(node) ? node : {};
}
