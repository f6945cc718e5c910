// Fields that several kinds of entity have.

import type { FieldSpec } from './fields.ts';

export const nameField = (help: string): FieldSpec => ({
  name: 'name',
  type: 'str',
  label: 'Name',
  required: true,
  format: 'name',
  help,
});

export const organisationField: FieldSpec = {
  name: 'organisation',
  type: 'reference',
  to: 'organisation',
  label: 'Organisation',
};

/** Of what is ours to verify. */
export const managedStates = ['new', 'verified', 'failed', 'deleted'] as const;
