// What a restore has found out about a Backup. Only what speaks against the backup itself is a verdict: no room, a Server or
// a store that does not answer say nothing about it.

import type { FieldSpec } from './fields.ts';

export interface Verdict {
  state: 'proven' | 'failed';
  /** Of one that has failed. */
  because?: string;
  /** Of one that is proven: from the begin of the restore to the page that answered. */
  recovery_seconds?: number;
}

/** As a Task gives it. */
export const verdictFields: FieldSpec[] = [
  { name: 'state', type: 'str', required: true, choices: ['proven', 'failed'] },
  { name: 'because', type: 'str' },
  { name: 'recovery_seconds', type: 'int' },
];
