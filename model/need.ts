// What waits for a person, of whatever part of Aegir, each with its next step.

import type { EntityKind } from './entities.ts';

export const needTopics = [
  'approval',
  'attention',
  'failure',
  'rollout',
  'missed',
  'paused',
  'broken',
  'cron',
  'bad_backup',
  'unproven',
  'drift',
  'certificate',
  'disk',
  'receiver',
  'worker',
] as const;
export type NeedTopic = (typeof needTopics)[number];

export interface Need {
  topic: NeedTopic;
  /** What it is about; a Rollout and an Operation have pages of their own. */
  subject: { kind: EntityKind | 'operation' | 'rollout' | 'aegir'; id: string; name: string };
  /** What is the matter. */
  words: string;
  since: string | null;
  /** The next step: a verb, and the page on which it is done. */
  next: { words: string; path: string };
  /** Of a failure: the Operation that can be marked as seen. */
  seen: string | null;
}

/** A certificate that ends sooner should have been renewed: authorities give 90 days, renewal begins 30 days before. */
export const certificateDays = 14;
/** Once a month a backup should show that it can be restored. */
export const unprovenDays = 31;
/** A receiver that is restarted is back sooner; of one that says that it is gone, or has been given up, it is said at once. */
export const silentReceiverHours = 1;
/** Of a disk: what a backup, an update and logs of a day may take. */
export const leastFreePart = 0.1;
/** What failed longer ago and nobody has looked at is not news any more; it stays in the list of Operations. */
export const failureDays = 14;

export const topicTitles: Record<NeedTopic, string> = {
  approval: 'Operations that wait for approval',
  attention: 'Operations that ask',
  failure: 'Failures that nobody has seen',
  rollout: 'Rollouts that stand still',
  missed: 'Times of Schedules that were missed or refused',
  paused: 'Paused Schedules',
  broken: 'Broken Environments',
  cron: 'Sites whose cron fails again and again',
  bad_backup: 'Backups that failed their restore drill',
  unproven: 'Production without a proven backup',
  drift: 'What differs from what Aegir would make',
  certificate: 'Certificates that end',
  disk: 'Disks that are nearly full',
  receiver: 'Receivers that get no messages',
  worker: 'Workers',
};
