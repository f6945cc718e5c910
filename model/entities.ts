// The nouns: which kinds of entity there are, their built-in fields, relations and states. Everything that lists, shows,
// edits or refers to an entity (API, CLI, pages, value paths) is made from this table. Columns are in store/schema.ts.

import type { FieldRules, FieldSpec } from './fields.ts';

export const entityKinds = ['organisation', 'cluster', 'server', 'project', 'release', 'environment'] as const;
export type EntityKind = (typeof entityKinds)[number];

export interface EntityDefinition {
  kind: EntityKind;
  /** Table and path of the API and the pages. */
  plural: string;
  title: string;
  titlePlural: string;
  /** There is one, made at the first start: it is edited, but neither added nor deleted. */
  single?: boolean;
  /** The field by which people name one. */
  nameField: string;
  states: readonly string[];
  fields: FieldSpec[];
  rules?: FieldRules;
  /** Fields that people do not set: only results of Tasks do. Valid in value paths and as targets of outputs. */
  resultFields: FieldSpec[];
}

const managedStates = ['new', 'verified', 'failed', 'deleted'] as const;
export const environmentStates = ['new', 'installing', 'enabled', 'disabled', 'broken', 'deleted'] as const;

const name = (help: string): FieldSpec => ({
  name: 'name',
  type: 'str',
  label: 'Name',
  required: true,
  format: 'name',
  help,
});

const organisation: FieldSpec = { name: 'organisation', type: 'reference', to: 'organisation', label: 'Organisation' };

export const entities: Record<EntityKind, EntityDefinition> = {
  organisation: {
    kind: 'organisation',
    plural: 'organisations',
    title: 'Organisation',
    titlePlural: 'Organisations',
    single: true,
    nameField: 'name',
    states: ['new', 'deleted'],
    fields: [name('Who owns the projects, clusters and people.')],
    resultFields: [],
  },
  cluster: {
    kind: 'cluster',
    plural: 'clusters',
    title: 'Cluster',
    titlePlural: 'Clusters',
    nameField: 'name',
    states: managedStates,
    fields: [
      name('Where Environments run.'),
      organisation,
      { name: 'kind', type: 'str', label: 'Kind', required: true, choices: ['servers'], default: 'servers' },
    ],
    resultFields: [],
  },
  server: {
    kind: 'server',
    plural: 'servers',
    title: 'Server',
    titlePlural: 'Servers',
    nameField: 'name',
    states: managedStates,
    rules: { required_if: [['connection', 'ssh', ['address', 'ssh_key']]] },
    fields: [
      name('One machine of a Cluster.'),
      { name: 'cluster', type: 'reference', to: 'cluster', label: 'Cluster', required: true },
      {
        name: 'connection',
        type: 'str',
        label: 'Connection',
        required: true,
        choices: ['ssh', 'local'],
        default: 'ssh',
        help: 'Local means the machine on which the worker runs.',
      },
      {
        name: 'address',
        type: 'str',
        label: 'Address',
        format: 'address',
        help: 'Host name or IP address that the worker connects to.',
      },
      { name: 'port', type: 'int', label: 'SSH port', default: 22 },
      { name: 'user', type: 'str', label: 'SSH user', default: 'root' },
      {
        name: 'ssh_key',
        type: 'str',
        label: 'SSH private key',
        secret: true,
        format: 'text',
        help: 'In OpenSSH or PEM format, without a passphrase.',
      },
      {
        name: 'host_key',
        type: 'str',
        label: 'Pinned host key',
        format: 'text',
        help: 'Recorded at the first contact. A different key is an error until this is emptied or replaced.',
      },
      { name: 'become', type: 'bool', label: 'Become root with sudo', default: false },
      {
        name: 'python',
        type: 'str',
        label: 'Python interpreter',
        format: 'absolute_path',
        default: '/usr/bin/python3',
      },
      { name: 'web', type: 'bool', label: 'Offers web', default: true },
      { name: 'web_service', type: 'str', label: 'Web server', choices: ['nginx', 'caddy'], default: 'nginx' },
      { name: 'web_port', type: 'int', label: 'Web port', default: 80 },
      {
        name: 'web_settings',
        type: 'dict',
        label: 'Web server settings',
        help: 'Paths of a web server that is not the system’s own (binary, configuration, admin socket).',
      },
      {
        name: 'base_path',
        type: 'str',
        label: 'Base folder',
        format: 'absolute_path',
        default: '/var/lib/aegir',
        help: 'Releases and Environments are kept below it.',
      },
    ],
    resultFields: [
      { name: 'facts', type: 'dict', label: 'Facts', help: 'System, services and versions, disk.' },
      { name: 'unprivileged', type: 'bool', label: 'Without root', help: 'No isolation between Environments.' },
    ],
  },
  project: {
    kind: 'project',
    plural: 'projects',
    title: 'Project',
    titlePlural: 'Projects',
    nameField: 'name',
    states: managedStates,
    fields: [
      name('A codebase.'),
      organisation,
      { name: 'repository', type: 'str', label: 'Git repository', required: true, format: 'git_url' },
      {
        name: 'deploy_key',
        type: 'str',
        label: 'Deploy key',
        secret: true,
        format: 'text',
        help: 'SSH private key that may read the repository.',
      },
      { name: 'application', type: 'str', label: 'Application type', required: true, default: 'static' },
      { name: 'default_ref', type: 'str', label: 'Default branch', format: 'git_ref', default: 'main' },
    ],
    resultFields: [{ name: 'refs', type: 'list', elements: 'str', label: 'Branches and tags' }],
  },
  release: {
    kind: 'release',
    plural: 'releases',
    title: 'Release',
    titlePlural: 'Releases',
    nameField: 'name',
    states: managedStates,
    fields: [
      name('One deployable version of a Project.'),
      { name: 'project', type: 'reference', to: 'project', label: 'Project', required: true },
      { name: 'git_ref', type: 'str', label: 'Branch, tag or hash', required: true, format: 'git_ref' },
    ],
    resultFields: [{ name: 'hash', type: 'str', label: 'Commit', format: 'git_hash' }],
  },
  environment: {
    kind: 'environment',
    plural: 'environments',
    title: 'Environment',
    titlePlural: 'Environments',
    nameField: 'name',
    states: environmentStates,
    fields: [
      name('Short name; also the name of its folder and unix user.'),
      { name: 'release', type: 'reference', to: 'release', label: 'Release', required: true },
      { name: 'web_server', type: 'reference', to: 'server', label: 'Web server', required: true },
      {
        name: 'kind',
        type: 'str',
        label: 'Kind',
        required: true,
        choices: ['production', 'staging', 'development'],
        default: 'development',
      },
      { name: 'primary_name', type: 'str', label: 'Primary name', required: true, format: 'host_name' },
      { name: 'aliases', type: 'list', elements: 'str', label: 'Aliases', format: 'host_name', default: [] },
    ],
    resultFields: [
      { name: 'path', type: 'str', label: 'Folder' },
      { name: 'url', type: 'str', label: 'Address' },
      { name: 'deployed_hash', type: 'str', label: 'Deployed commit', format: 'git_hash' },
      { name: 'upstream_port', type: 'int', label: 'Port of its service' },
    ],
  },
};

/** An entity as the API, the CLI and value paths see it. References are ids; secret fields are `{ $secret }` or null. */
export interface Entity {
  id: string;
  kind: EntityKind;
  state: string;
  /** Built-in and result fields by name. */
  values: Record<string, unknown>;
  /** Custom fields by name. */
  fields: Record<string, unknown>;
  createdAt: string;
  updatedAt: string;
}
