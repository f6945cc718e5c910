// What an Application type is, as read from applications/<name>/application.yml.

import type { FieldSpec } from './fields.ts';

export interface ApplicationType {
  name: string;
  title: string;
  description: string;
  version: string;
  /** Files by which a codebase is recognised, relative to its root. */
  recognisedBy: string[];
  /** Further fields of a Project of this type, kept in its custom values. */
  fields: FieldSpec[];
  /** Task type for each verb: install, update, remove, ... */
  verbs: Record<string, string>;
}
