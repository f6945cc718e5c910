// Portable archives of sites, for the table in entities.ts.

import type { EntityDefinition } from './entities.ts';
import { nameField } from './entity-fields.ts';

export const archive: EntityDefinition = {
  kind: 'archive',
  plural: 'archives',
  title: 'Archive',
  titlePlural: 'Archives',
  madeOn: 'environment',
  hasFile: true,
  nameField: 'name',
  listed: ['environment', 'origin', 'bytes', 'goes_at'],
  states: ['kept', 'deleted'],
  fields: [
    nameField(
      '“Export” of an Environment and “Collect a site” of a Project make one, and one from elsewhere can be uploaded.',
    ),
    { name: 'environment', type: 'reference', to: 'environment', label: 'Environment' },
  ],
  resultFields: [
    { name: 'origin', type: 'str', label: 'Origin', choices: ['export', 'collect', 'upload'] },
    { name: 'bytes', type: 'int', label: 'Size', help: 'In bytes, packed.' },
    { name: 'sha256', type: 'str', label: 'SHA-256' },
    { name: 'application', type: 'str', label: 'Application type' },
    { name: 'primary_name', type: 'str', label: 'Name of the site' },
    { name: 'deployed_hash', type: 'str', label: 'Deployed commit', format: 'git_hash' },
    { name: 'goes_at', type: 'str', label: 'Is deleted', help: 'Download what is to stay.' },
  ],
};
