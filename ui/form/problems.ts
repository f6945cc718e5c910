// Puts the problems of an answer beside the fields that they are about; what fits to no field goes to the top of the form.

import type { Problem } from '../../model/errors.ts';
import type { FieldSpec } from '../../model/fields.ts';

/** Paths of the API start at the request's body (`values.name`, `input.release`), those of a form at its fields. */
export function toFormPaths(problems: Problem[], bodyKeys: string[]): Problem[] {
  return problems.map(problem => {
    const key = bodyKeys.find(one => problem.path === one || problem.path.startsWith(`${one}.`));
    return key ? { ...problem, path: problem.path.slice(key.length + 1) } : problem;
  });
}

/** Messages for one field. A field with fields of its own leaves to them what is theirs. */
export function messagesFor(problems: Problem[], path: string, spec: FieldSpec): string[] {
  const messages: string[] = [];
  for (const problem of problems) {
    if (problem.path === path) messages.push(problem.message);
    else if (problem.path.startsWith(`${path}.`)) {
      const rest = problem.path.slice(path.length + 1);
      if (!belongsToOption(spec, rest)) messages.push(`${placeInWords(rest)}: ${problem.message}`);
    }
  }
  return messages;
}

function belongsToOption(spec: FieldSpec, rest: string): boolean {
  const parts = rest.split('.');
  const name = spec.type === 'list' ? parts[1] : parts[0];
  return (spec.options ?? []).some(option => option.name === name);
}

/** "1" → "Entry 2". */
function placeInWords(rest: string): string {
  const [first = '', ...more] = rest.split('.');
  const place = /^\d+$/.test(first) ? `Entry ${Number(first) + 1}` : first;
  return [place, ...more].join(' ');
}

export function unmatched(problems: Problem[], names: string[]): Problem[] {
  return problems.filter(problem => !names.some(name => problem.path === name || problem.path.startsWith(`${name}.`)));
}
