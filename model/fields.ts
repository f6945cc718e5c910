// One shape for every field there is: arguments of Task types, fields of Operation types, built-in and custom fields of
// entities. Forms, API validation, CLI flags and Ansible's own check are made from it. The checks are in validate.ts.

import type { EntityKind } from './entities.ts';

/** Ansible's argument types (docs.ansible.com, "Argument spec") and two of ours: `secret` and `reference`. */
export const fieldTypes = [
  'str',
  'int',
  'float',
  'bool',
  'list',
  'dict',
  'path',
  'raw',
  'json',
  'jsonarg',
  'bytes',
  'bits',
  'reference',
] as const;
export type FieldType = (typeof fieldTypes)[number];

/** Named shapes of strings, checked beyond the type. See names.ts for the rules and their sources. */
export const fieldFormats = [
  'name',
  'host_name',
  'host_pattern',
  'address',
  'git_url',
  'git_ref',
  'git_hash',
  'image',
  'absolute_path',
  'redirect',
  'https_url',
  'mail_address',
  'time',
  'keep_rule',
  'image_digest',
  'text',
] as const;
export type FieldFormat = (typeof fieldFormats)[number];

export interface FieldSpec {
  name: string;
  type: FieldType;
  label?: string;
  help?: string;
  required?: boolean;
  default?: unknown;
  choices?: unknown[];
  /** Type of a list's elements. */
  elements?: FieldType;
  /** Kind of entity that a `reference` names; its value is the entity's id. */
  to?: EntityKind;
  /** Of a reference in a form: fields that what it names must have, by id, and the one that it must not be. */
  among?: Record<string, string>;
  except?: string;
  /** Sealed when stored, masked everywhere; the value that travels is a reference `{ $secret: id }`. */
  secret?: boolean;
  /** Of a secret field of an entity: a random one is made when an entity is created without it. */
  generated?: boolean;
  /** Of a secret field of an entity: somebody else has to know it, so Aegir makes one on demand and shows it once. */
  handedOut?: boolean;
  format?: FieldFormat;
  /** Heading under which forms show it; none = among the first. */
  group?: string;
  aliases?: string[];
  /** Fields of a `dict`, or of each element of a `list` of dicts. */
  options?: FieldSpec[];
  rules?: FieldRules;
}

/** Ansible's rules between the fields of one level; the names are Ansible's. */
export interface FieldRules {
  required_if?: [field: string, value: unknown, fields: string[], isOneOf?: boolean][];
  required_one_of?: string[][];
  required_together?: string[][];
  required_by?: Record<string, string[]>;
  mutually_exclusive?: string[][];
}

/** A reference to a sealed value. Only an activity resolves it. */
export interface SecretReference {
  $secret: string;
}

export function isSecretReference(value: unknown): value is SecretReference {
  return typeof value === 'object' && value !== null && typeof (value as SecretReference).$secret === 'string';
}
