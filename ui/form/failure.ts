// A refused form: the sentence on top and the problems of its fields.

import type { Problem } from '../../model/errors.ts';
import { ApiError } from '../api/client.ts';
import { counted } from '../text/words.ts';
import { toFormPaths } from './problems.ts';

export interface Failure {
  text: string;
  problems: Problem[];
}

export const noFailure: Failure = { text: '', problems: [] };

export function localFailure(problems: Problem[]): Failure {
  return { text: `${counted(problems.length, 'field')} ${problems.length === 1 ? 'needs' : 'need'} a look.`, problems };
}

/** `bodyKeys` are the parts of the request's body that hold the fields. */
export function failureOf(error: unknown, bodyKeys: string[]): Failure {
  if (!(error instanceof ApiError)) return { text: String(error), problems: [] };
  const problems = toFormPaths(error.problems, bodyKeys);
  return problems.length > 0 ? localFailure(problems) : { text: error.message, problems };
}

/** Shows the first field that needs a look, once the messages are on the page. */
export function focusFirstProblem(form: HTMLFormElement): void {
  requestAnimationFrame(() => {
    const first = form.querySelector<HTMLElement>('[aria-invalid="true"], .field-bad input, .notice-bad');
    first?.focus();
    first?.scrollIntoView({ block: 'center' });
  });
}
