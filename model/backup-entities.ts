// Backups and where they are kept, for the table in entities.ts.

import { checkBackupStore } from './check-backup-store.ts';
import type { EntityDefinition } from './entities.ts';
import { nameField, organisationField } from './entity-fields.ts';
import type { FieldSpec } from './fields.ts';

/** Where backups go that are made of an Environment without a choice of its own. */
export const backupStoreField = (help: string): FieldSpec => ({
  name: 'backup_store',
  type: 'reference',
  to: 'backup_store',
  label: 'Backup store',
  help,
});

export const backupStore: EntityDefinition = {
  kind: 'backup_store',
  plural: 'backup_stores',
  title: 'Backup store',
  titlePlural: 'Backup stores',
  nameField: 'name',
  listed: ['type', 'folder', 'address'],
  states: ['new', 'deleted'],
  rules: {
    required_if: [
      ['type', 'directory', ['folder']],
      ['type', 'sftp', ['address', 'user', 'folder', 'private_key', 'host_key']],
      ['type', 's3', ['address', 'bucket', 'access_key', 'secret_key']],
      ['type', 'rest', ['address']],
    ],
  },
  check: checkBackupStore,
  fields: [
    nameField('Where backups are kept, encrypted.'),
    organisationField,
    {
      name: 'type',
      type: 'str',
      label: 'Type',
      required: true,
      choices: ['directory', 'sftp', 's3', 'rest'],
      default: 'directory',
      help: 'directory: of the machine on which the worker runs; Servers reach it through the connection of the Operation. The others are reached by the web Servers themselves.',
    },
    {
      name: 'folder',
      type: 'str',
      label: 'Folder',
      format: 'absolute_path',
      help: 'directory and sftp: for it alone. s3: within the bucket; empty is the whole bucket.',
    },
    {
      name: 'address',
      type: 'str',
      label: 'Address',
      format: 'text',
      help: 'sftp: host name or IP address. s3: of the service, such as https://s3.example.org. rest: of a restic REST server, such as https://backup.example.org:8000.',
    },
    { name: 'user', type: 'str', label: 'User', help: 'sftp: who signs in. rest: when the server asks for one.' },
    { name: 'user_password', type: 'str', label: 'Password of the user', secret: true, help: 'rest only.' },
    { name: 'port', group: 'SFTP', type: 'int', label: 'Port', help: 'Empty: 22.' },
    {
      name: 'private_key',
      group: 'SFTP',
      type: 'str',
      label: 'Private key',
      secret: true,
      format: 'text',
      help: 'Of the user, in OpenSSH or PEM format, without a passphrase.',
    },
    {
      name: 'host_key',
      group: 'SFTP',
      type: 'str',
      label: 'Host key',
      format: 'text',
      help: 'By which the server is known, such as “ssh-ed25519 AAAA…”. ssh-keyscan shows it; compare it with what the owner of the server says. A server with another one is refused.',
    },
    { name: 'bucket', group: 'S3', type: 'str', label: 'Bucket', help: 'It must be there already.' },
    { name: 'region', group: 'S3', type: 'str', label: 'Region', help: 'When the service asks for one.' },
    { name: 'access_key', group: 'S3', type: 'str', label: 'Access key id' },
    { name: 'secret_key', group: 'S3', type: 'str', label: 'Secret access key', secret: true },
    {
      name: 'password',
      type: 'str',
      label: 'Encryption password',
      secret: true,
      generated: true,
      help: 'Made when left empty. Whoever has it and the store can read the backups; without it nobody can.',
    },
  ],
  resultFields: [],
};

export const backup: EntityDefinition = {
  kind: 'backup',
  plural: 'backups',
  title: 'Backup',
  titlePlural: 'Backups',
  madeOn: 'environment',
  nameField: 'name',
  listed: ['environment', 'note', 'bytes', 'release', 'judged_at', 'pinned'],
  states: ['unproven', 'proven', 'failed', 'removed'],
  fields: [
    nameField('Environment and time (UTC).'),
    { name: 'environment', type: 'reference', to: 'environment', label: 'Environment' },
    { name: 'release', type: 'reference', to: 'release', label: 'Release' },
    backupStoreField('Where it lies.'),
    {
      name: 'pinned',
      type: 'bool',
      label: 'Pinned',
      default: false,
      help: 'It stays, whatever the rule of its Environment says, until somebody takes this away.',
    },
    { name: 'pin_note', type: 'str', label: 'Why it is pinned' },
  ],
  edited: ['pinned', 'pin_note'],
  derivedFields: [{ name: 'last_proven', type: 'bool', label: 'The last proven one of its Environment' }],
  resultFields: [
    { name: 'note', type: 'str', label: 'Note' },
    { name: 'snapshot', type: 'str', label: 'Snapshot', help: 'Its id in the repository (restic).' },
    { name: 'deployed_hash', type: 'str', label: 'Deployed commit', format: 'git_hash' },
    { name: 'bytes', type: 'int', label: 'Size in bytes', help: 'Of database and files, before encryption.' },
    { name: 'manifest', type: 'dict', label: 'Manifest', help: 'Rows, files, checksums and versions.' },
    { name: 'judged_at', type: 'str', label: 'Proven or failed', help: 'When its last restore said so.' },
    { name: 'failure', type: 'str', label: 'Failed, because' },
    {
      name: 'recovery_seconds',
      type: 'int',
      label: 'Recovery time in seconds',
      help: 'From the begin of its restore to the page that answered.',
    },
    { name: 'proven_on', type: 'str', label: 'Proven on', help: 'The web Server.' },
  ],
};
