// The keys of every file of the catalogue, as field specs: the same validator checks them as checks forms. docs/types.md
// says what they mean.

import { roles } from '../model/access.ts';
import { clusterKinds } from '../model/cluster-entity.ts';
import { entities, entityKinds } from '../model/entities.ts';
import { type FieldSpec, fieldFormats, fieldTypes } from '../model/fields.ts';
import { relatedRoots } from '../model/paths.ts';
import { backendNames, defaultRetry, defaultTimeoutSeconds } from '../model/task-type.ts';

const text = (name: string, more: Partial<FieldSpec> = {}): FieldSpec => ({ name, type: 'str', ...more });
const bool = (name: string, value?: boolean): FieldSpec => ({
  name,
  type: 'bool',
  ...(value !== undefined && { default: value }),
});
const words = (name: string, more: Partial<FieldSpec> = {}): FieldSpec => ({
  name,
  type: 'list',
  elements: 'str',
  ...more,
});
const dict = (name: string, more: Partial<FieldSpec> = {}): FieldSpec => ({ name, type: 'dict', ...more });

/** Ansible knows no references; there they are texts with `to` in aegir.yml. */
const ansibleTypes = fieldTypes.filter(type => type !== 'reference');

export const ruleKeys: FieldSpec[] = [
  { name: 'required_if', type: 'raw' },
  { name: 'required_one_of', type: 'raw' },
  { name: 'required_together', type: 'raw' },
  { name: 'required_by', type: 'dict' },
  { name: 'mutually_exclusive', type: 'raw' },
];

/** Of an argument in argument_specs.yml. */
export const argumentKeys: FieldSpec[] = [
  text('type', { required: true, choices: [...ansibleTypes] }),
  { name: 'description', type: 'raw', required: true },
  bool('required'),
  { name: 'default', type: 'raw' },
  { name: 'choices', type: 'list' },
  text('elements', { choices: [...ansibleTypes] }),
  bool('no_log'),
  words('aliases'),
  dict('options'),
  // Documentation only, as in Ansible.
  { name: 'version_added', type: 'raw' },
  ...ruleKeys,
];

/** Of a field of an Operation or Application type: an argument and what aegir.yml says about one. */
export const fieldKeys: FieldSpec[] = [
  ...argumentKeys.map(key => (key.name === 'type' ? text('type', { required: true, choices: [...fieldTypes] }) : key)),
  text('label'),
  text('to', { choices: [...entityKinds] }),
  text('format', { choices: [...fieldFormats] }),
  text('from'),
  bool('ask'),
  text('missing'),
  dict('among'),
  text('except'),
];

/** Of the entry point `main` in argument_specs.yml. */
export const entryPointKeys: FieldSpec[] = [
  text('short_description', { required: true }),
  { name: 'description', type: 'raw' },
  dict('options', { default: {} }),
  ...['author', 'version_added', 'seealso', 'notes', 'examples'].map((name): FieldSpec => ({ name, type: 'raw' })),
  ...ruleKeys,
];

export const taskKeys: FieldSpec[] = [
  text('target', { required: true, choices: ['server', 'worker', 'cluster'] }),
  text('server'),
  words('backends', { choices: [...backendNames] }),
  dict('serves', {
    options: [
      text('folder', { required: true }),
      text('name', { required: true }),
      text('access', { choices: ['read', 'add'], default: 'add' }),
    ],
  }),
  text('namespace', { choices: ['builds'] }),
  text('archive', { choices: ['read', 'add'] }),
  bool('facts', false),
  dict('arguments', { default: {} }),
  dict('outputs', { default: {} }),
  { name: 'timeout', type: 'int', default: defaultTimeoutSeconds },
  dict('retry', {
    default: {},
    options: [
      { name: 'attempts', type: 'int', default: defaultRetry.attempts },
      { name: 'delay', type: 'int', default: defaultRetry.firstDelaySeconds },
    ],
  }),
  bool('repeatable', true),
  bool('changes', true),
  bool('preview'),
  text('undo'),
  text('undo_when'),
  words('undo_states'),
];

/** Of an argument in aegir.yml. */
export const bindingKeys: FieldSpec[] = [
  words('from'),
  bool('remember'),
  bool('ask'),
  bool('fresh'),
  words('unless'),
  text('for', { choices: [...clusterKinds] }),
  text('missing'),
  text('label'),
  text('format', { choices: [...fieldFormats] }),
  text('to', { choices: [...entityKinds] }),
];

export const outputKeys: FieldSpec[] = [
  text('type', { required: true, choices: [...fieldTypes] }),
  text('sets'),
  text('creates', { choices: entityKinds.filter(kind => entities[kind].madeOn && !entities[kind].hasFile) }),
  text('judges', { choices: ['backup'] }),
  text('removes', { choices: ['backup'] }),
  text('reports', { choices: ['cron'] }),
  text('help'),
];

export const operationKeys: FieldSpec[] = [
  text('title', { required: true }),
  text('description', { required: true }),
  text('on', { required: true, choices: [...entityKinds] }),
  words('when', { default: [] }),
  dict('for', {
    default: {},
    options: [words('cluster', { choices: [...clusterKinds], default: [] }), words('application', { default: [] })],
  }),
  text('confirm'),
  dict('confirmed_by'),
  bool('dangerous', false),
  bool('action', false),
  bool('check', false),
  text('put_right_by'),
  text('opens'),
  text('minimum_role', { choices: [...roles], default: 'operator' }),
  dict('fields', { default: {} }),
  dict('adds', {
    options: [
      bool('side', false),
      bool('throwaway', false),
      words('asks', { required: true }),
      words('takes', { default: [] }),
      dict('sets', { default: {} }),
    ],
  }),
  dict('changes', { options: [words('asks', { default: [] }), dict('extends', { default: {} })] }),
  { name: 'checks', type: 'list', default: [] },
  dict('locks', {
    default: {},
    options: [...entityKinds, 'source'].map(root => text(root, { choices: ['exclusive', 'shared'] })),
  }),
  dict('states', { default: {}, options: ['begin', 'succeeded', 'failed', 'cancelled'].map(name => text(name)) }),
  dict('sets', { default: {} }),
  words('exchanges'),
  text('touches_from'),
  text('taken_back_by'),
  dict('on_failure', {
    options: [
      text('choose', { required: true, choices: ['undo', 'leave'] }),
      { name: 'after_hours', type: 'int', default: 0 },
    ],
  }),
  { name: 'steps', type: 'list', required: true },
];

export const stepKeys: FieldSpec[] = [
  text('id', { required: true }),
  text('task'),
  text('operation'),
  { name: 'parallel', type: 'list' },
  text('title'),
  dict('with', { default: {} }),
  text('on', { choices: [...entityKinds, ...relatedRoots] }),
  words('needs'),
  text('unless'),
  text('for', { choices: [...clusterKinds] }),
  bool('optional'),
  bool('skippable'),
  bool('destroy'),
  text('undo'),
  dict('undo_with'),
  text('undo_when'),
  words('undo_states'),
  bool('undo_failed'),
  text('undo_then'),
  dict('undo_then_with'),
  text('undone_by'),
  text('always'),
];

/** Of a list under `extends` of `changes`. */
export const extensionKeys: FieldSpec[] = [text('by', { required: true }), text('when', { required: true })];

/** Of an entry under `checks`. */
export const checkKeys: FieldSpec[] = [
  text('that', { required: true }),
  { name: 'is', type: 'raw' },
  { name: 'is_not', type: 'raw' },
  text('unless'),
  text('message', { required: true }),
];

export const applicationKeys: FieldSpec[] = [
  text('title', { required: true }),
  text('description', { required: true }),
  words('recognised_by', { default: [] }),
  dict('values', { default: {} }),
  text('database', { choices: ['required', 'optional', 'none'], default: 'none' }),
  bool('php', false),
  dict('verbs', { default: {} }),
];

/** Names of Task types, Operation types, arguments, outputs, steps and verbs. */
export function checkWord(word: string): string | null {
  // 63 fits into every place where such a name becomes part of another (labels, units, files).
  return /^[a-z][a-z0-9_]{0,62}$/.test(word) ? null : 'must consist of a-z, 0-9 and "_", and begin with a letter.';
}

const pythonKeywords =
  'and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield';
const yamlBooleans = 'y n yes no on off true false null';
const ansibleVariables =
  'vars hostvars groups group_names inventory_hostname inventory_dir inventory_file omit play_hosts playbook_dir role_name role_path role_names environment';

/** Names that Ansible could not set as variables, or that mean something else to it or to a run of ours. */
export const reservedArguments = new Set(`aegir ${pythonKeywords} ${yamlBooleans} ${ansibleVariables}`.split(' '));
