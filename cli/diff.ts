// The text of a difference as lines of a terminal.

import { styleText } from 'node:util';
import type { DryRunView } from '../api/contract.ts';
import { differencesWords, kindOfLine } from '../model/drift.ts';
import { printable } from './text.ts';

/** @param left characters that are not kept. */
export function renderDiff({ text, left }: { text: string; left: number }, colours: boolean): string[] {
  const lines = printable(text)
    .split('\n')
    .filter(Boolean)
    .map(line => `    ${colours ? coloured(line) : line}`);
  return left > 0 ? [...lines, `    … and ${left} characters more, which are not kept.`] : lines;
}

/** What an Operation would change, step by step. */
export function renderDryRun({ steps, notCompared }: DryRunView, colours: boolean): string {
  const found = steps.flatMap(({ title, differences }) => [
    `${title}: ${differences.length === 0 ? 'nothing' : differencesWords(differences.length)}`,
    ...differences.flatMap(({ task, resource, text, left }) => [
      `  ${printable(resource || task)}`,
      ...renderDiff({ text, left }, colours),
    ]),
  ]);
  const unknown = notCompared.map(({ title, reason }) => `Not known before it is done: ${title}. ${printable(reason)}`);
  return ['It would change:', ...found, ...unknown].join('\n');
}

function coloured(line: string): string {
  const kind = kindOfLine(line);
  if (kind === 'same') return line;
  const colour = kind === 'added' ? 'green' : kind === 'removed' ? 'red' : 'cyan';
  return styleText(colour, line, { validateStream: false });
}
