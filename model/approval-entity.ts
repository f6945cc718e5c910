// The rules by which another person has to say yes, for the table in entities.ts.

import { mostExpiryHours } from './approval.ts';
import type { EntityDefinition } from './entities.ts';
import { nameField, organisationField } from './entity-fields.ts';
import type { Problem } from './errors.ts';

export const approvalRule: EntityDefinition = {
  kind: 'approval_rule',
  plural: 'approval_rules',
  title: 'Approval rule',
  titlePlural: 'Approval rules',
  nameField: 'name',
  listed: ['operation_types', 'environment_kind', 'project', 'role', 'four_eyes'],
  states: ['new', 'deleted'],
  fields: [
    nameField('What waits until somebody has looked at it and says yes.'),
    organisationField,
    {
      name: 'operation_types',
      group: 'What waits',
      type: 'list',
      elements: 'str',
      label: 'Operation types',
      default: [],
      help: 'Also as a part of another one. None: every one that is marked as dangerous.',
    },
    {
      name: 'step',
      group: 'What waits',
      type: 'str',
      label: 'Before the step',
      help: 'Id of a step, as the catalogue shows it. Empty: before it begins, without holding any lock.',
    },
    {
      name: 'environment_kind',
      group: 'What waits',
      type: 'str',
      label: 'Kind of Environment',
      choices: ['production', 'staging', 'development'],
      help: 'It touches one of that kind. Empty: any, and what touches none.',
    },
    { name: 'project', group: 'What waits', type: 'reference', to: 'project', label: 'Project' },
    {
      name: 'role',
      group: 'Who says yes',
      type: 'str',
      label: 'Least role',
      choices: ['operator', 'engineer', 'administrator'],
      default: 'operator',
    },
    {
      name: 'four_eyes',
      group: 'Who says yes',
      type: 'bool',
      label: 'Four eyes',
      default: true,
      help: 'Whoever asks for it cannot approve it.',
    },
    {
      name: 'expires_hours',
      group: 'Who says yes',
      type: 'float',
      label: 'Expires after, in hours',
      // Over a night, and until the end of the next working day.
      default: 24,
      help: 'What nobody has approved until then is rejected.',
    },
  ],
  check: checkRule,
  resultFields: [],
};

function checkRule({ expires_hours, step, operation_types }: Record<string, unknown>): Problem[] {
  const problems: Problem[] = [];
  const hours = Number(expires_hours);
  if (!(hours > 0 && hours <= mostExpiryHours))
    problems.push({ path: 'expires_hours', message: `must be above 0 and at most ${mostExpiryHours}.` });
  if (step && (operation_types as unknown[] | undefined)?.length !== 1)
    problems.push({ path: 'step', message: 'A step is one of a single Operation type: name that one above.' });
  return problems;
}
