// Environments that are there for the time of one Operation, such as a restore drill. Nobody lists them unless asked to, and
// all that may be done with one by hand is to delete it.

import type { OperationType } from './operation-type.ts';

/** The random part of a ULID: nobody guesses it, and with the prefix it fits into the name of a unix user. */
const randomPart = 16;

/** Short name and name of the web, which no DNS knows (RFC 2606). @param id a ULID. */
export function throwawayNames(id: string): { name: string; primary_name: string } {
  const name = `drill-${id.slice(-randomPart).toLowerCase()}`;
  return { name, primary_name: `${name}.invalid` };
}

/** '' = it is none, or the Operation removes it. */
export function throwawayWords({ throwaway_of }: Record<string, unknown>, { states }: OperationType): string {
  if (!throwaway_of || states.succeeded === 'deleted') return '';
  return 'This Environment is there for the time of one Operation only: all that can be done with it is to delete it.';
}
