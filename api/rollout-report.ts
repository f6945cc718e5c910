// The closing report of a Rollout: what was to be done, what became of it, who did what. Plain text, also while it goes on.

import { failuresOf, totalOf } from '../model/rollout.ts';
import { listAuditOf } from '../model/store/audit.ts';
import { countItems, listItems, type RolloutItem, type RolloutRow } from '../model/store/rollouts.ts';
import type { ApiDependencies } from './dependencies.ts';

/** Each is a line; whoever has more of them looks at the page. */
const mostListed = 1000;

export async function reportOf({ db, publicUrl }: ApiDependencies, row: RolloutRow): Promise<string> {
  const counts = await countItems(db, row.id);
  const bad = await listItems(db, { rollout: row.id, states: ['failed', 'needs_attention'], limit: mostListed });
  const left = await listItems(db, { rollout: row.id, states: ['removed'], limit: mostListed });
  const done = await listItems(db, { rollout: row.id, states: ['succeeded'], limit: 100_000 });
  const events = await listAuditOf(db, row.id);
  const until = row.endedAt ?? new Date();
  const lines = [
    `Rollout: ${row.title}${row.reason ? ` (${row.reason})` : ''}`,
    `${publicUrl}/rollouts/${row.id}`,
    '',
    `State: ${row.state}. ${row.message}`,
    `Started by ${row.startedBy} at ${row.createdAt.toISOString()}; ${row.endedAt ? 'took' : 'so far'} ${durationOf(row.createdAt, until)}.`,
    `Fields: ${JSON.stringify(row.input)}`,
    `${totalOf(counts)} in ${row.waves} waves: ${counts.succeeded} succeeded, ${failuresOf(counts)} failed, ${counts.removed} taken off the list, ${counts.pending + counts.running} open.`,
    ...slowest(done),
    ...section('Failed', bad.map(line)),
    ...section('Taken off the list', left.map(line)),
    ...section(
      'What was done',
      events.map(({ at, actor, verb, after }) => `${at.toISOString()} ${actor}: ${verb} ${wordsOf(after)}`.trim()),
    ),
  ];
  return `${lines.join('\n')}\n`;

  function line(item: RolloutItem): string {
    const link = item.operation ? ` ${publicUrl}/operations/${item.operation}` : '';
    return `${item.subjectName}: ${item.message || item.state}${link}`;
  }
}

const section = (title: string, lines: string[]) =>
  lines.length > 0 ? ['', `${title}:`, ...lines.map(text => `- ${text}`)] : [];

function slowest(done: RolloutItem[]): string[] {
  const times = done.flatMap(({ startedAt, endedAt }) =>
    startedAt && endedAt ? [Number(endedAt) - Number(startedAt)] : [],
  );
  if (times.length === 0) return [];
  const sorted = times.sort((left, right) => left - right);
  const at = (part: number) => ((sorted[Math.floor((sorted.length - 1) * part)] ?? 0) / 1000).toFixed(1);
  return [`Each took ${at(0.5)} s (median), ${at(1)} s at most.`];
}

function durationOf(from: Date, to: Date): string {
  const seconds = Math.round((to.getTime() - from.getTime()) / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  return [hours && `${hours} h`, minutes && `${minutes} min`, `${seconds % 60} s`].filter(Boolean).join(' ');
}

function wordsOf(after: Record<string, unknown> | null): string {
  const message = after?.message;
  return typeof message === 'string' ? message : '';
}
