// Schedules and the times in which nothing runs by itself, for the table in entities.ts.

import type { EntityDefinition } from './entities.ts';
import { nameField, organisationField } from './entity-fields.ts';
import type { FieldSpec } from './fields.ts';
import { defaultCatchUpMinutes, overlaps } from './schedule.ts';
import { selectionFields } from './selection.ts';

const timeZone = (help: string): FieldSpec => ({
  name: 'time_zone',
  group: 'When',
  type: 'str',
  label: 'Time zone',
  default: 'UTC',
  help,
});

export const schedule: EntityDefinition = {
  kind: 'schedule',
  plural: 'schedules',
  title: 'Schedule',
  titlePlural: 'Schedules',
  nameField: 'name',
  listed: ['operation_type', 'cron', 'every', 'paused'],
  states: ['new', 'deleted'],
  fields: [
    nameField('When an Operation type runs by itself, and on what.'),
    organisationField,
    { name: 'operation_type', type: 'str', label: 'Operation type', required: true },
    ...selectionFields,
    {
      name: 'input',
      group: 'Fields of the Operation',
      type: 'dict',
      label: 'Fields of the Operation',
      default: {},
      help: 'Answers to what its form asks. Secrets are not taken.',
    },
    {
      name: 'cron',
      group: 'When',
      type: 'str',
      label: 'Cron expression',
      help: 'Minute, hour, day of the month, month, day of the week. H stands for a time of Aegir’s choice that stays: thousands of sites then do not begin in the same minute. “H H(1-5) * * *” is once each night.',
    },
    { name: 'every', group: 'When', type: 'str', label: 'Or an interval', help: 'Such as 15m, 6h or 1d12h.' },
    timeZone('Of the cron expression, such as Europe/Berlin.'),
    {
      name: 'overlap',
      group: 'Policy',
      type: 'str',
      label: 'When the run before still goes on',
      choices: [...overlaps],
      default: 'skip',
      help: 'skip: this one is left out. queue: it waits in line.',
    },
    {
      name: 'catch_up_minutes',
      group: 'Policy',
      type: 'int',
      label: 'Make up for within, in minutes',
      default: defaultCatchUpMinutes,
      help: 'What could not be started in time is started until then; later it counts as missed.',
    },
    { name: 'paused', group: 'Policy', type: 'bool', label: 'Paused', default: false },
    { name: 'pause_note', group: 'Policy', type: 'str', label: 'Why it is paused' },
  ],
  resultFields: [
    { name: 'role', type: 'str', label: 'Runs with the role', help: 'Of who saved it last.' },
    { name: 'saved_by', type: 'str', label: 'Saved by' },
  ],
};

export const blackout: EntityDefinition = {
  kind: 'blackout',
  plural: 'blackouts',
  title: 'Blackout',
  titlePlural: 'Blackouts',
  nameField: 'name',
  listed: ['project', 'begins', 'ends', 'cron', 'note'],
  states: ['new', 'deleted'],
  rules: { required_together: [['cron', 'lasts_minutes']] },
  fields: [
    nameField('A time in which nothing starts by itself.'),
    organisationField,
    { name: 'note', type: 'str', label: 'Why', required: true },
    {
      name: 'project',
      type: 'reference',
      to: 'project',
      label: 'Project',
      help: 'Only what belongs to it. Empty: everything.',
    },
    {
      name: 'begins',
      group: 'When',
      type: 'str',
      label: 'Begins',
      format: 'time',
      help: 'Such as 2027-01-31T18:00Z. Empty: at once.',
    },
    { name: 'ends', group: 'When', type: 'str', label: 'Ends', format: 'time', help: 'Empty: when it is deleted.' },
    {
      name: 'cron',
      group: 'When',
      type: 'str',
      label: 'Repeats: begins at',
      help: 'Cron expression: “0 8 * * 1-5” with 600 minutes is each working day from 8:00 to 18:00.',
    },
    { name: 'lasts_minutes', group: 'When', type: 'int', label: 'Repeats: lasts, in minutes' },
    timeZone('Of the cron expression.'),
  ],
  resultFields: [],
};
