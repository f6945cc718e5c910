// Backups and where they are kept, for the table in entities.ts.

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
      ['type', 'rest', ['address']],
    ],
  },
  fields: [
    nameField('Where backups are kept, encrypted.'),
    organisationField,
    {
      name: 'type',
      type: 'str',
      label: 'Type',
      required: true,
      choices: ['directory', 'rest'],
      default: 'directory',
    },
    {
      name: 'folder',
      type: 'str',
      label: 'Folder',
      format: 'absolute_path',
      help: 'Of the machine on which the worker runs. Servers reach it through the connection of the Operation.',
    },
    {
      name: 'address',
      type: 'str',
      label: 'Address',
      format: 'text',
      help: 'Of a restic REST server that the web Servers reach, such as https://backup.example.org:8000.',
    },
    { name: 'user', type: 'str', label: 'User', help: 'Of the REST server, when it asks for one.' },
    { name: 'user_password', type: 'str', label: 'Password of the user', secret: true },
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
  listed: ['environment', 'note', 'bytes', 'release'],
  states: ['unproven', 'proven', 'failed', 'removed'],
  fields: [
    nameField('Environment and time (UTC).'),
    { name: 'environment', type: 'reference', to: 'environment', label: 'Environment' },
    { name: 'release', type: 'reference', to: 'release', label: 'Release' },
    backupStoreField('Where it lies.'),
  ],
  resultFields: [
    { name: 'note', type: 'str', label: 'Note' },
    { name: 'snapshot', type: 'str', label: 'Snapshot', help: 'Its id in the repository (restic).' },
    { name: 'deployed_hash', type: 'str', label: 'Deployed commit', format: 'git_hash' },
    { name: 'bytes', type: 'int', label: 'Size in bytes', help: 'Of database and files, before encryption.' },
    { name: 'manifest', type: 'dict', label: 'Manifest', help: 'Rows, files, checksums and versions.' },
  ],
};
