// Fields that say which backups stay: of a Cluster by the kind of its Environments, of an Environment its own.

import type { FieldSpec } from './fields.ts';

const rule = (name: string, label: string, more: Partial<FieldSpec>): FieldSpec => ({
  name,
  group: 'Backups',
  type: 'str',
  format: 'keep_rule',
  label,
  ...more,
});

/** “Remove old backups” goes by them; nothing is removed without it. */
export const clusterRetentionFields: FieldSpec[] = [
  // A mistake that is seen after months can still be looked up; nobody asks for the Tuesday of a month ago.
  rule('keep_production', 'Keep of production', {
    required: true,
    default: 'last 3, daily 7, weekly 5, monthly 12',
    help: 'Which backups stay: the last 3, the newest of each of the last 7 days, 5 weeks, 12 months (and yearly) that have one.',
  }),
  rule('keep_staging', 'Keep of staging', { required: true, default: 'last 2, daily 7, weekly 2' }),
  rule('keep_development', 'Keep of development', { required: true, default: 'last 2, daily 3' }),
  {
    name: 'keep_days',
    group: 'Backups',
    type: 'int',
    label: 'Keep for days at least',
    required: true,
    // Longer than a weekend: what an Update has broken is noticed while its safety backup is there.
    default: 7,
    help: 'No younger backup is removed, whatever the rules say.',
  },
];

export const environmentRetentionField = rule('keep', 'Keep', {
  group: 'Application',
  help: 'Which backups stay, such as “last 3, daily 7, monthly 12”. Empty: as its Cluster says for this kind.',
});
