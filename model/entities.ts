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
  /** Fields that a list shows beside the name. */
  listed: string[];
  states: readonly string[];
  fields: FieldSpec[];
  rules?: FieldRules;
  /** Fields that people do not set: only results of Tasks do. Valid in value paths and as targets of outputs. */
  resultFields: FieldSpec[];
  /** Worked out when a run's values are read (store/roots.ts). Valid in value paths only. */
  derivedFields?: FieldSpec[];
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
    listed: [],
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
    listed: ['kind'],
    states: managedStates,
    fields: [
      name('Where Environments run.'),
      organisation,
      { name: 'kind', type: 'str', label: 'Kind', required: true, choices: ['servers'], default: 'servers' },
    ],
    resultFields: [],
    derivedFields: [{ name: 'web_addresses', type: 'list', elements: 'str', label: 'Addresses of its web Servers' }],
  },
  server: {
    kind: 'server',
    plural: 'servers',
    title: 'Server',
    titlePlural: 'Servers',
    nameField: 'name',
    listed: ['cluster', 'connection', 'address'],
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
      {
        name: 'internal_address',
        type: 'str',
        label: 'Internal address',
        format: 'address',
        help: 'By which the other Servers of the Cluster reach it, when it is not the address above.',
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
      { name: 'web', group: 'Web', type: 'bool', label: 'Offers web', default: true },
      {
        name: 'web_service',
        group: 'Web',
        type: 'str',
        label: 'Web server',
        choices: ['nginx', 'caddy'],
        default: 'nginx',
      },
      { name: 'web_port', group: 'Web', type: 'int', label: 'Web port', default: 80 },
      {
        name: 'web_settings',
        group: 'Web',
        type: 'dict',
        label: 'Web server settings',
        help: 'Paths of a web server that is not the system’s own (binary, configuration, admin socket).',
      },
      {
        name: 'php_versions',
        group: 'Web',
        type: 'list',
        elements: 'str',
        label: 'PHP versions',
        default: [],
        help: 'Such as 8.2, 8.3; “Prepare” installs them. The first is for Environments that name none.',
      },
      {
        name: 'packages',
        group: 'What it carries',
        type: 'list',
        elements: 'str',
        label: 'Further packages',
        default: [],
        help: 'Debian packages that builds and services need; “Prepare” installs them.',
      },
      {
        name: 'trusted_proxies',
        group: 'Web',
        type: 'list',
        elements: 'str',
        label: 'Trusted proxies',
        default: [],
        help: 'Addresses or networks of load balancers whose word about the visitor’s address and https is taken.',
      },
      {
        name: 'capacity',
        group: 'What it carries',
        type: 'int',
        label: 'Most Environments',
        help: 'No more are placed here. Empty: no limit.',
      },
      {
        name: 'concurrent_operations',
        group: 'What it carries',
        type: 'int',
        label: 'Operations at once',
        // sshd takes ten sessions over one connection (MaxSessions), and an Operation uses about one at a time.
        default: 10,
        help: 'Further ones wait.',
      },
      { name: 'database', group: 'Database', type: 'bool', label: 'Offers databases', default: false },
      {
        name: 'database_service',
        group: 'Database',
        type: 'str',
        label: 'Database service',
        choices: ['mariadb'],
        default: 'mariadb',
      },
      { name: 'database_port', group: 'Database', type: 'int', label: 'Database port', default: 3306 },
      {
        name: 'base_path',
        group: 'What it carries',
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
      { name: 'database_ca', type: 'str', label: 'Authority of the database', help: 'Certificate in PEM format.' },
      { name: 'orphans', type: 'list', label: 'Orphans', help: 'What lies on it and belongs to nothing here.' },
    ],
    derivedFields: [{ name: 'inventory', type: 'dict', label: 'What may lie on it' }],
  },
  project: {
    kind: 'project',
    plural: 'projects',
    title: 'Project',
    titlePlural: 'Projects',
    nameField: 'name',
    listed: ['repository', 'application', 'default_ref'],
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
      {
        name: 'docroot',
        type: 'str',
        label: 'Docroot',
        help: 'Folder of the repository that the web server shows. Empty: as the application type says.',
      },
      { name: 'current_release', type: 'reference', to: 'release', label: 'Current Release' },
    ],
    resultFields: [{ name: 'refs', type: 'list', elements: 'str', label: 'Branches and tags' }],
  },
  release: {
    kind: 'release',
    plural: 'releases',
    title: 'Release',
    titlePlural: 'Releases',
    nameField: 'name',
    listed: ['project', 'git_ref', 'locked'],
    states: managedStates,
    fields: [
      name('One deployable version of a Project.'),
      { name: 'project', type: 'reference', to: 'project', label: 'Project', required: true },
      { name: 'git_ref', type: 'str', label: 'Branch, tag or hash', required: true, format: 'git_ref' },
      { name: 'locked', type: 'bool', label: 'Locked', default: false, help: 'It stays as it is, for who has it.' },
    ],
    resultFields: [{ name: 'hash', type: 'str', label: 'Commit', format: 'git_hash' }],
  },
  environment: {
    kind: 'environment',
    plural: 'environments',
    title: 'Environment',
    titlePlural: 'Environments',
    nameField: 'name',
    listed: ['release', 'web_server', 'kind', 'primary_name'],
    states: environmentStates,
    fields: [
      name('Short name; also the name of its folder and unix user.'),
      { name: 'release', type: 'reference', to: 'release', label: 'Release', required: true },
      {
        name: 'cluster',
        type: 'reference',
        to: 'cluster',
        label: 'Cluster',
        help: 'Where it is to run. Empty: the Cluster of the chosen web server.',
      },
      {
        name: 'web_server',
        type: 'reference',
        to: 'server',
        label: 'Web server',
        help: 'Empty: the one of the Cluster with most room.',
      },
      {
        name: 'database_server',
        type: 'reference',
        to: 'server',
        label: 'Database server',
        help: 'Empty: the one of the Cluster with most room, when the application needs a database.',
      },
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
      {
        name: 'www',
        group: 'Redirects',
        type: 'str',
        label: 'With or without www',
        choices: ['as_is', 'add', 'remove'],
        default: 'as_is',
        help: 'Whether visitors are led to the name with www., without it, or neither.',
      },
      {
        name: 'redirect_aliases',
        group: 'Redirects',
        type: 'bool',
        label: 'Aliases lead to the primary name',
        default: false,
      },
      {
        name: 'redirects',
        group: 'Redirects',
        type: 'list',
        elements: 'str',
        format: 'redirect',
        label: 'Redirects',
        default: [],
        help: 'One each: /old-path, the new path or address, and 301, 302, 307 or 308 (301 when left out).',
      },
      {
        name: 'php_version',
        group: 'Application',
        type: 'str',
        label: 'PHP version',
        help: 'Such as 8.2; one of the web server. Empty: its first.',
      },
      {
        name: 'mail',
        group: 'Application',
        type: 'str',
        label: 'Mail that the site sends',
        choices: ['send', 'keep', 'discard'],
        help: 'Keep: into a folder of the Environment. Empty: production sends, the other kinds keep.',
      },
      { name: 'upload_mb', group: 'Application', type: 'int', label: 'Largest upload in MB', default: 64 },
      {
        name: 'database_password',
        group: 'Secrets',
        type: 'str',
        label: 'Database password',
        secret: true,
        generated: true,
        help: 'Made when left empty. “Install” makes a new one take effect.',
      },
      {
        name: 'salt',
        group: 'Secrets',
        type: 'str',
        label: 'Salt',
        secret: true,
        generated: true,
        help: 'Made when left empty. A new one ends all sessions and one-time links.',
      },
    ],
    resultFields: [
      { name: 'path', type: 'str', label: 'Folder' },
      { name: 'url', type: 'str', label: 'Address' },
      { name: 'deployed_hash', type: 'str', label: 'Deployed commit', format: 'git_hash' },
      { name: 'upstream_port', type: 'int', label: 'Port of its service' },
      { name: 'user', type: 'str', label: 'Unix user' },
      { name: 'php', type: 'str', label: 'PHP program' },
      { name: 'database', type: 'dict', label: 'Database', help: 'Name, user, host and port.' },
      { name: 'placement', type: 'dict', label: 'Why these Servers' },
      { name: 'vhost', type: 'dict', label: 'Web server configuration' },
      { name: 'disabled_notice', type: 'str', label: 'Why it is disabled' },
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
