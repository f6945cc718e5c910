// What a Task that compares has found, as it may be stored: without secrets, no longer than is kept.

import { stripVTControlCharacters } from 'node:util';
import { isDict } from '../model/coerce.ts';
import { differencesOutput, type FoundDifference, gatherDifferences } from '../model/drift.ts';
import type { RunnableStep } from '../model/plan.ts';
import type { Mask } from '../secrets/mask.ts';
import { hideReplaced } from '../secrets/mask-beside.ts';
import type { RunResult } from './backends/backend.ts';

export function differencesOf(step: RunnableStep, result: RunResult, mask: Mask): FoundDifference[] {
  const found = step.check === 'look' ? toldDifferences(step, result.outputs) : (result.differences ?? []);
  // PostgreSQL keeps no NUL.
  const clean = (text: string) => mask(stripVTControlCharacters(text).replaceAll('\0', ''));
  const masked = found.map(({ task, resource, text, left }) => ({
    task: clean(task),
    resource: clean(resource),
    text: hideReplaced(clean(text)),
    left,
  }));
  const { differences, more } = gatherDifferences(masked);
  if (more === 0) return differences;
  const text = `${more} more differences were found and are not kept. Put these right, and compare again.`;
  return [...differences, { task: 'More differences', resource: '', text, left: 0 }];
}

function toldDifferences({ title }: RunnableStep, outputs: Record<string, unknown>): FoundDifference[] {
  const told = outputs[differencesOutput];
  if (!Array.isArray(told)) return [];
  return told
    .filter(isDict)
    .map(({ name, text }) => ({ task: title, resource: String(name ?? ''), text: String(text ?? ''), left: 0 }));
}
