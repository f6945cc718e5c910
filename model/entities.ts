// The nouns: which kinds of entity there are, their built-in fields, relations and states. Everything that lists, shows,
// edits or refers to an entity (API, CLI, pages, value paths) is made from this table. Columns are in store/schema.ts.

import { approvalRule } from './approval-entity.ts';
import { archive } from './archive-entity.ts';
import { backup, backupStore, backupStoreField } from './backup-entities.ts';
import { cluster } from './cluster-entity.ts';
import { managedStates, nameField, organisationField } from './entity-fields.ts';
import type { Problem } from './errors.ts';
import type { FieldRules, FieldSpec } from './fields.ts';
import { httpsFields } from './https-fields.ts';
import { nameFields, redirectFields } from './name-fields.ts';
import { podFields } from './pod-fields.ts';
import { receiver } from './receiver-entity.ts';
import { environmentRetentionField } from './retention-fields.ts';
import { blackout, schedule } from './schedule-entities.ts';
import { server } from './server-entity.ts';

export const entityKinds = [
  'organisation',
  'receiver',
  'backup_store',
  'cluster',
  'server',
  'project',
  'release',
  'blackout',
  'approval_rule',
  'schedule',
  'backup',
  'archive',
  'environment',
] as const;
export type EntityKind = (typeof entityKinds)[number];

export interface EntityDefinition {
  kind: EntityKind;
  /** Table and path of the API and the pages. */
  plural: string;
  title: string;
  titlePlural: string;
  /** There is one, made at the first start: it is edited, but neither added nor deleted. */
  single?: boolean;
  /** Made by Tasks on an entity of this kind, whose references it takes over; people neither add nor edit nor delete one. */
  madeOn?: EntityKind;
  /** Of those that Tasks make: the fields that people edit all the same. */
  edited?: string[];
  /** Fields that people enter, and that outputs of Tasks set, too. */
  setByTasks?: string[];
  /** Each has a file that the control plane keeps: people upload, download and delete it, and only the API makes a row. */
  hasFile?: boolean;
  /** Messages are sent to it (store/deliveries.ts). */
  hasDeliveries?: boolean;
  /** Git servers report pushes to it (store/pushes.ts). */
  hasPushes?: boolean;
  /** The field by which people name one. */
  nameField: string;
  /** Fields that a list shows beside the name. */
  listed: string[];
  states: readonly string[];
  fields: FieldSpec[];
  rules?: FieldRules;
  /** What fields alone cannot say. Gets all values, before an edit those that stay; secrets may be references. */
  check?: (values: Record<string, unknown>) => Problem[];
  /** Fields that people do not set: only results of Tasks do. Valid in value paths and as targets of outputs. */
  resultFields: FieldSpec[];
  /** Worked out when a run's values are read (store/roots.ts). Valid in value paths only. */
  derivedFields?: FieldSpec[];
}

export const environmentStates = ['new', 'installing', 'enabled', 'disabled', 'broken', 'deleted'] as const;

/** Their rows stay for history; nothing new refers to them, and they keep nothing else from going. */
export const goneStates = ['deleted', 'removed'];

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
    fields: [nameField('Who owns the projects, clusters and people.')],
    resultFields: [],
  },
  receiver,
  backup_store: backupStore,
  cluster,
  server,
  project: {
    kind: 'project',
    plural: 'projects',
    title: 'Project',
    titlePlural: 'Projects',
    hasPushes: true,
    nameField: 'name',
    listed: ['repository', 'application', 'default_ref'],
    states: managedStates,
    fields: [
      nameField('A codebase.'),
      organisationField,
      { name: 'repository', type: 'str', label: 'Git repository', required: true, format: 'git_url' },
      {
        name: 'deploy_key',
        type: 'str',
        label: 'Deploy key',
        secret: true,
        format: 'text',
        help: 'SSH private key that may read the repository.',
      },
      {
        name: 'webhook_secret',
        type: 'str',
        label: 'Webhook secret',
        secret: true,
        handedOut: true,
        help: 'By which pushes of the git server are known (docs/git-webhooks.md). Without one none are taken.',
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
      nameField('One deployable version of a Project.'),
      { name: 'project', type: 'reference', to: 'project', label: 'Project', required: true },
      { name: 'git_ref', type: 'str', label: 'Branch, tag or hash', required: true, format: 'git_ref' },
      { name: 'locked', type: 'bool', label: 'Locked', default: false, help: 'It stays as it is, for who has it.' },
      {
        name: 'image',
        type: 'str',
        label: 'Image',
        format: 'image_digest',
        help: 'For Clusters of the kind kubernetes, such as registry.example.org/shop@sha256:…. Empty: it is built of the commit.',
      },
    ],
    setByTasks: ['image'],
    resultFields: [{ name: 'hash', type: 'str', label: 'Commit', format: 'git_hash' }],
  },
  blackout,
  approval_rule: approvalRule,
  schedule,
  backup,
  archive,
  environment: {
    kind: 'environment',
    plural: 'environments',
    title: 'Environment',
    titlePlural: 'Environments',
    nameField: 'name',
    listed: ['release', 'web_server', 'kind', 'primary_name'],
    states: environmentStates,
    rules: { required_if: [['https', 'uploaded', ['https_certificate', 'https_key']]] },
    fields: [
      nameField('Short name; also the name of its folder and unix user.'),
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
        help: 'Empty: the one of the Cluster with most room, when the application needs a database; on Kubernetes one in the cluster.',
      },
      {
        name: 'kind',
        type: 'str',
        label: 'Kind',
        required: true,
        choices: ['production', 'staging', 'development'],
        default: 'development',
      },
      {
        name: 'follow_branch',
        type: 'str',
        label: 'Follow branch',
        format: 'git_ref',
        help: 'A push to this branch updates the site, where the Project has a git webhook. Empty: it is updated by hand.',
      },
      ...nameFields,
      ...redirectFields,
      { ...backupStoreField('Empty: that of its Cluster.'), group: 'Application' },
      environmentRetentionField,
      ...httpsFields,
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
      ...podFields,
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
      { name: 'image', type: 'str', label: 'Image', help: 'From which its pods are made.' },
      { name: 'user', type: 'str', label: 'Unix user' },
      { name: 'php', type: 'str', label: 'PHP program' },
      { name: 'database', type: 'dict', label: 'Database', help: 'Name, user, host and port.' },
      { name: 'placement', type: 'dict', label: 'Why these Servers' },
      { name: 'vhost', type: 'dict', label: 'Web server configuration' },
      { name: 'certificates', type: 'dict', label: 'Certificates', help: 'By name: its state, until when, and why.' },
      { name: 'disabled_notice', type: 'str', label: 'Why it is disabled' },
      { name: 'previous_release', type: 'reference', to: 'release', label: 'Previous Release' },
      { name: 'side_of', type: 'reference', to: 'environment', label: 'Other side of' },
      { name: 'throwaway_of', type: 'reference', to: 'environment', label: 'Throwaway of' },
    ],
    derivedFields: [
      { name: 'retention', type: 'dict', label: 'Backups that its rule does not keep' },
      { name: 'newest_backup', type: 'reference', to: 'backup', label: 'Newest backup that has not failed' },
      { name: 'previous_backup', type: 'reference', to: 'backup', label: 'Newest backup of its previous Release' },
      { name: 'other_side', type: 'reference', to: 'environment', label: 'Other side' },
      { name: 'database_only', type: 'bool', label: 'Only the database has another side' },
      { name: 'web_names', type: 'dict', label: 'What becomes of its names' },
      { name: 'web_address', type: 'str', label: 'Address of its web Server', format: 'address' },
    ],
  },
};

/** What a Task says of an entity that it makes. */
export function madeFields(kind: EntityKind): FieldSpec[] {
  const { fields, resultFields } = entities[kind];
  return [...fields.filter(field => !field.to), ...resultFields];
}

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
