// Holds the Terraform files of a Task type against its arguments and outputs, and refuses what would escape from Aegir: a
// state kept elsewhere, programs, values from files.

import { join, posix } from 'node:path';
import type { CatalogueProblem } from '../model/catalogue.ts';
import type { FieldType } from '../model/fields.ts';
import { suggestName } from '../model/near-name.ts';
import { type Argument, madeOutput, type Output, type TaskType } from '../model/task-type.ts';
import type { FolderFile } from './folder-files.ts';
import { type HclBlock, parseHcl } from './hcl.ts';

const below = 'terraform/';

/** Files that Terraform would read by itself, or that it has left there. */
const strange: [pattern: RegExp, why: string][] = [
  [/\.tf\.json$|\.tofu(\.json)?$/, 'is of a form that is not read here: write it as a .tf file.'],
  [/(^|_|\/)override\.tf$/, 'is an override, which changes other files unseen: write into those.'],
  [/\.tfvars(\.json)?$/, 'gives values beside the arguments of the Task type: take it away.'],
  [/\.tfstate(\.|$)|(^|\/)\.terraform\//, 'is what Terraform has left behind: take it away. Aegir keeps the state.'],
];

/** Names of Terraform that no variable may have. */
const reserved = ['source', 'version', 'providers', 'count', 'for_each', 'lifecycle', 'depends_on', 'locals'];

/** Given to whoever declares it: subject and custom fields of the run. */
const contextVariable = 'aegir';

interface Place {
  file: string;
  line: number;
}

type Report = (place: Place, message: string) => void;

type Checked = Pick<TaskType, 'arguments' | 'outputs' | 'target' | 'changes'>;

export function checkTerraform(folder: string, files: FolderFile[], type: Checked): CatalogueProblem[] {
  const problems: CatalogueProblem[] = [];
  const own = files.filter(({ path }) => path.startsWith(below));
  const report: Report = (place, message) => problems.push({ ...place, message });
  for (const { path } of own) {
    const why = strange.find(([pattern]) => pattern.test(path))?.[1];
    if (why) report({ file: join(folder, path), line: 1 }, why);
  }
  const read = own.filter(({ path }) => path.endsWith('.tf')).map(file => readFile(folder, file, report));
  for (const each of read) checkBlocks(each, report);
  // With a file that cannot be read, what is missing may stand there.
  if (problems.length > 0 && read.some(({ isBroken }) => isBroken)) return problems;
  const root = read.filter(({ path }) => posix.dirname(path) === posix.dirname(below.concat('x')));
  const meta = { file: join(folder, 'meta/aegir.yml'), line: 1 };
  checkHead(type, meta, report);
  checkVariables(root, type.arguments, { file: join(folder, 'meta/argument_specs.yml'), line: 1 }, report);
  checkOutputs(root, type.outputs, meta, report);
  return problems;
}

interface ReadFile {
  path: string;
  file: string;
  blocks: HclBlock[];
  isBroken: boolean;
}

function readFile(folder: string, { path, content }: FolderFile, report: Report): ReadFile {
  const parsed = parseHcl(content.toString('utf8'));
  const file = join(folder, path);
  if ('blocks' in parsed) return { path, file, blocks: parsed.blocks, isBroken: false };
  report({ file, line: parsed.mistake.line }, parsed.mistake.message);
  return { path, file, blocks: [], isBroken: true };
}

function checkHead({ target, changes }: Checked, meta: Place, report: Report): void {
  if (target !== 'worker') report(meta, 'target: Terraform runs on the worker: write "target: worker".');
  if (!changes) report(meta, 'changes: Terraform makes what is not there: "changes: false" would not be true.');
}

/** Of modules within the folder, too. */
function checkBlocks({ file, path, blocks }: ReadFile, report: Report): void {
  for (const block of blocks) {
    const inner = block.type === 'terraform' ? block.blocks : [];
    for (const { type, line } of inner.filter(each => each.type === 'backend' || each.type === 'cloud'))
      report({ file, line }, `"${type}": Aegir keeps the state, sealed and with its locks. Take this block away.`);
    if (block.type === 'resource' || block.type === 'removed')
      for (const { line, labels } of deep(block.blocks).filter(each => each.type === 'provisioner'))
        report(
          { file, line },
          `A provisioner (${labels[0] ?? '?'}) runs a program of which the plan says nothing: make that a step of its own.`,
        );
    if (block.type === 'module') checkModule(block, { file, path }, report);
  }
}

const deep = (blocks: HclBlock[]): HclBlock[] => blocks.flatMap(block => [block, ...deep(block.blocks)]);

function checkModule({ labels, line, attributes }: HclBlock, at: { file: string; path: string }, report: Report): void {
  const written = attributes.get('source')?.text ?? '';
  const source = written.replace(/^"|"$/g, '');
  const isLocal = /^\.\.?\//.test(source);
  const inside = posix.join(posix.dirname(at.path), source).startsWith(below);
  if (isLocal && inside) return;
  report(
    { file: at.file, line: attributes.get('source')?.line ?? line },
    `The module "${labels[0] ?? ''}" comes from elsewhere (${written || 'nothing'}): put it below ${below} and name it "./…", so that it is a part of the version.`,
  );
}

function checkVariables(files: ReadFile[], known: Argument[], specs: Place, report: Report): void {
  const variables = blocksOf(files, 'variable');
  for (const { block, file, line } of variables) {
    const name = block.labels[0] ?? '';
    if (name === contextVariable) {
      if (!isTrue(block, 'sensitive'))
        report({ file, line }, `The variable "${name}" may hold secret custom fields: write "sensitive = true".`);
      continue;
    }
    const argument = known.find(each => each.name === name);
    if (argument) checkVariable(block, argument, { file, line }, report);
    else
      report(
        { file, line },
        `The variable "${name}" is no argument of this Task type.${suggestName(
          name,
          known.map(each => each.name),
        )} Declare it in meta/argument_specs.yml.`,
      );
  }
  for (const { name } of known) {
    if (reserved.includes(name))
      report(specs, `"${name}": Terraform has no variable of this name. Choose another one.`);
    else if (!variables.some(({ block }) => block.labels[0] === name))
      report(specs, `The argument "${name}" has no variable "${name}" in ${below}*.tf.`);
  }
}

function checkVariable(block: HclBlock, argument: Argument, place: Place, report: Report): void {
  const { name, type, secret, opened, required, default: usual } = argument;
  const written = block.attributes.get('type')?.text ?? 'any';
  const fitting = terraformTypes[type];
  if (fitting && !fitting.includes(/^\w+/.exec(written)?.[0] ?? 'any'))
    report(place, `The variable "${name}" is a ${written}, but the argument gives a ${type}: write ${fitting[0]}.`);
  if ((secret || opened) && !isTrue(block, 'sensitive'))
    report(place, `The argument "${name}" is secret: the variable needs "sensitive = true".`);
  if (!required && usual === undefined && !block.attributes.has('default'))
    report(place, `The argument "${name}" may be left out: the variable needs a "default", such as null.`);
}

/** The first one is the usual one. Nothing: any. */
const terraformTypes: Partial<Record<FieldType, string[]>> = {
  str: ['string', 'any'],
  path: ['string', 'any'],
  reference: ['string', 'any'],
  int: ['number', 'any'],
  float: ['number', 'any'],
  bytes: ['number', 'string', 'any'],
  bits: ['number', 'string', 'any'],
  bool: ['bool', 'any'],
  list: ['list', 'set', 'tuple', 'any'],
  dict: ['map', 'object', 'any'],
};

function checkOutputs(files: ReadFile[], declared: Output[], meta: Place, report: Report): void {
  const blocks = blocksOf(files, 'output');
  for (const { name } of declared.filter(each => each.name !== madeOutput.name)) {
    const found = blocks.find(({ block }) => block.labels[0] === name);
    if (!found) report(meta, `outputs.${name}: there is no output "${name}" in ${below}*.tf.`);
    else if (isTrue(found.block, 'sensitive'))
      report(
        found,
        `The output "${name}" is sensitive, and outputs are kept and shown in clear: take it away from the outputs in meta/aegir.yml.`,
      );
  }
}

interface Found extends Place {
  block: HclBlock;
}

function blocksOf(files: ReadFile[], type: string): Found[] {
  return files.flatMap(({ file, blocks }) =>
    blocks.filter(block => block.type === type).map(block => ({ file, line: block.line, block })),
  );
}

const isTrue = ({ attributes }: HclBlock, name: string) => attributes.get(name)?.text === 'true';
