// An Operation that waits, for its turn or for a person, as lines of text: behind whom, and what can be chosen by which command.

import type { AttentionView, ClaimView, OperationView } from '../api/contract.ts';
import { type Choice, choices } from '../model/attention.ts';
import { ordinal } from '../model/ordinal.ts';
import { isOver } from '../model/run.ts';
import { renderDryRun } from './diff.ts';
import { localTime } from './output.ts';

/** What nobody has answered yet. */
export function openQuestions(operation: OperationView): AttentionView[] {
  return isOver(operation.state) ? [] : operation.attentions.filter(({ isDecided }) => !isDecided);
}

/** A line longer than this says nothing more. */
const mostNamed = 3;

/** One line for each lock that it waits for; nothing when it waits for none. */
export function renderWaiting({ state, claims }: OperationView): string[] {
  if (state !== 'queued') return [];
  return claims
    .filter(({ position }) => position > 0)
    .map(claim => {
      const named = claim.behind.slice(0, mostNamed).map(other => `${other.title} (by ${other.startedBy})`);
      const more = claim.behind.length - named.length;
      const behind = named.length > 0 ? `, behind ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}` : '';
      return `Waits for the ${claim.kind} ${nameOf(claim)}: ${ordinal(claim.position)} in line${behind}.`;
    });
}

/** `environment/blog` */
export function renderHeld({ claims }: OperationView): string[] {
  return claims
    .filter(({ position }) => position === 0)
    .map(claim => `${claim.kind}/${nameOf(claim)} (${claim.mode}, since ${localTime(claim.since)})`);
}

function nameOf({ name, id }: ClaimView): string {
  return name || id;
}

const ends: Record<Choice, string> = {
  retry: 'it is tried again',
  skip: 'it goes on without the step',
  undo: 'it ends, and what is done is undone',
  leave: 'it ends and stays as it is',
  approve: 'it goes on',
  reject: 'it is rejected',
};

/** What happened, and a command line for each answer with what it would do. */
export function renderQuestion(question: AttentionView, { tasks }: OperationView): string[] {
  const { operation, effects, failed, planned, policy } = question;
  const offered = choices.filter(choice => question.choices.includes(choice));
  const titles = tasks
    .filter(({ id }) => question.tasks.includes(id))
    .map(task => `${[...task.within, task.title].join(' › ')}${task.target ? ` (${task.target})` : ''}`);
  const width = Math.max(...offered.map(choice => choice.length));
  const fields = [...new Set(failed.flatMap(task => task.fields.map(({ name }) => name)))];
  return [
    `Needs attention since ${localTime(question.since)}: ${question.message}`,
    ...(titles.length > 0 ? [`Failed: ${titles.join(', ')}`] : []),
    ...(question.touches.length > 0
      ? [`It works on: ${question.touches.map(({ kind, name }) => `${kind}/${name}`).join(', ')}`]
      : []),
    ...(planned ? renderDryRun(planned, false).split('\n') : []),
    'Choose one:',
    ...offered.map(choice =>
      `  ./aegir decide ${operation} ${choice.padEnd(width)}  ${effects[choice] ?? ''}`.trimEnd(),
    ),
    ...(offered.includes('retry') && fields.length > 0
      ? [`A retry takes new values of: ${fields.join(', ')} (./aegir decide ${operation} retry --help).`]
      : []),
    ...(policy ? [`When nobody decides, ${ends[policy.choice]}: ${localTime(policy.at)}.`] : []),
  ];
}
