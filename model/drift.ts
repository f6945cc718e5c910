// Drift: what on a Server is not as Aegir would make it. The runs that compare are Operations whose type says `check: true`
// (docs/types.md): their Tasks carry out nothing and tell differences.

import type { EntityKind } from './entities.ts';

/** As a backend tells it: texts may have colours and secrets. */
export interface FoundDifference {
  /** The tool's own step: a task of Ansible. */
  task: string;
  /** File, package, account …; '' where the tool does not say. */
  resource: string;
  /** Unified diff, or words; '' where there is nothing to show. */
  text: string;
  /** Characters that were left out of the text. */
  left: number;
}

/** Output of a Task type that reads only: what it has found, each with `name` and `text`. */
export const differencesOutput = 'differences';

/** What a Task could not compare, and why. */
export interface NotCompared {
  title: string;
  reason: string;
}

/** Of an entity, for lists. */
export interface DriftCount {
  /** Nobody has accepted them. */
  open: number;
  accepted: number;
  notCompared: number;
  /** When it was last compared; null = never. */
  checkedAt: string | null;
}

/** Kinds that are compared. */
export const hasDrift = (kind: EntityKind) => kind === 'environment' || kind === 'server';

export const driftFilters = ['open', 'accepted', 'none', 'never'] as const;
export type DriftFilter = (typeof driftFilters)[number];

/** What is kept of one. Ten screens: whoever needs more looks at the file itself. */
export const longestText = 64 * 1024;

/** Of a step's name and of what it is about: a list of packages may be long, and an index takes 2,704 bytes of both. */
const longestName = 300;

/** Of one Task. A Server on which more differs was not prepared by us, and the number alone says so. */
export const mostDifferences = 200;

export function differencesWords(count: number): string {
  if (count === 0) return 'as it should be';
  return count === 1 ? '1 difference' : `${count} differences`;
}

/** “3 differences, 2 accepted”, “as it should be”, “never checked”. */
export function driftWords({ open, accepted, checkedAt }: DriftCount): string {
  if (checkedAt === null && open + accepted === 0) return 'never checked';
  const words = [...(open > 0 ? [differencesWords(open)] : []), ...(accepted > 0 ? [`${accepted} accepted`] : [])];
  return words.join(', ') || differencesWords(0);
}

/** Those of one thing as one, without what is another one each time, no longer than is kept. */
export function gatherDifferences(found: FoundDifference[]): { differences: FoundDifference[]; more: number } {
  const gathered = new Map<string, FoundDifference>();
  for (const { text, left, ...about } of found) {
    const task = about.task.slice(0, longestName);
    const resource = about.resource.slice(0, longestName);
    const key = JSON.stringify([task, resource]);
    const known = gathered.get(key) ?? { task, resource, text: '', left: 0 };
    const own = withoutHeaders(text);
    const together = known.text && own ? `${known.text}\n${own}` : known.text || own;
    gathered.set(key, { ...known, text: together, left: known.left + left });
  }
  const all = [...gathered.values()].map(cutText);
  return { differences: all.slice(0, mostDifferences), more: Math.max(0, all.length - mostDifferences) };
}

/** They name the tool's temporary files. */
function withoutHeaders(text: string): string {
  const lines = text.split('\n');
  const isHeader = (at: number) =>
    (lines[at]?.startsWith('--- ') && lines[at + 1]?.startsWith('+++ ') && lines[at + 2]?.startsWith('@@')) ?? false;
  return lines
    .filter((_, at) => !isHeader(at) && !isHeader(at - 1))
    .join('\n')
    .trimEnd();
}

function cutText(difference: FoundDifference): FoundDifference {
  const { text, left } = difference;
  if (text.length <= longestText) return difference;
  const end = text.lastIndexOf('\n', longestText);
  const kept = text.slice(0, end > 0 ? end : longestText);
  return { ...difference, text: kept, left: left + text.length - kept.length };
}

/** A line of a diff, for whoever shows it. */
export type LineKind = 'added' | 'removed' | 'place' | 'same';

export function kindOfLine(line: string): LineKind {
  if (line.startsWith('@@')) return 'place';
  if (line.startsWith('+')) return 'added';
  return line.startsWith('-') ? 'removed' : 'same';
}
