// What fields and inputs get, and how a field is called.

import type { Component } from 'solid-js';
import type { Problem } from '../../model/errors.ts';
import type { FieldSpec } from '../../model/fields.ts';
import { labelFrom } from '../text/words.ts';
import type { Draft } from './drafts.ts';

export interface FieldProps {
  spec: FieldSpec;
  /** Dotted, as in problems. */
  path: string;
  draft: Draft;
  problems: Problem[];
  onChange: (draft: Draft) => void;
}

/** What every input gets. */
export interface InputProps {
  id: string;
  spec: FieldSpec;
  label: string;
  /** Ids of help and messages. */
  describedBy: string | undefined;
  invalid: boolean;
}

/** Inputs that hold fields are given the field itself: they are part of it. */
export interface NestingProps {
  Field: Component<FieldProps>;
}

export function fieldLabel(spec: FieldSpec): string {
  return spec.label ?? labelFrom(spec.name);
}
