// The journal that the steps keep on the host, and what must be true of it whatever was killed. Pure.

export interface Line {
  kind: 'begin' | 'tick' | 'end';
  verb: 'do' | 'undo';
  step: string;
  attempt: number;
  /** Fencing token of the lock that its Operation has. */
  token: number;
  task: string;
}

export function parseJournal(text: string): Line[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => {
      const [kind, verb, step = '', attempt, token, task = ''] = line.split(' ');
      return { kind, verb, step, attempt: Number(attempt), token: Number(token), task } as Line;
    });
}

export const runOf = ({ task, attempt }: Line) => `${task}.${attempt}`;
const wordsOf = ({ kind, verb, step, attempt, token }: Line) => `${kind} ${verb} ${step} ${attempt} ${token}`;

/** For people: ticks are only counted. */
export function renderJournal(lines: Line[]): string {
  const rendered: string[] = [];
  let ticks = 0;
  for (const [index, line] of lines.entries()) {
    const next = lines[index + 1];
    ticks = line.kind === 'tick' ? ticks + 1 : 0;
    if (line.kind === 'tick' && next?.kind === 'tick' && runOf(next) === runOf(line)) continue;
    rendered.push(`${wordsOf(line)}${ticks > 1 ? ` × ${ticks}` : ''}`);
    ticks = 0;
  }
  return rendered.join('\n');
}

/** What is wrong with it, in words. */
export function judgeJournal(lines: Line[]): string[] {
  return [...judgeTurns(lines), ...judgeTokens(lines), ...judgeRepeats(lines), ...judgeOrder(lines)];
}

/** Steps follow each other: once one has begun, nobody else writes any more. */
function judgeTurns(lines: Line[]): string[] {
  let current: Line | null = null;
  let hasEnded = false;
  return lines.flatMap(line => {
    if (line.kind === 'begin') {
      current = line;
      hasEnded = false;
      return [];
    }
    if (!current || runOf(line) !== runOf(current))
      return [`“${wordsOf(line)}” was written after “${current ? wordsOf(current) : 'nothing'}”`];
    if (hasEnded) return [`“${wordsOf(line)}” was written after its own end`];
    hasEnded = line.kind === 'end';
    return [];
  });
}

function judgeTokens(lines: Line[]): string[] {
  let highest = 0;
  const attempts = new Map<string, number>();
  return lines.flatMap(line => {
    const found: string[] = [];
    if (line.token < highest) found.push(`“${wordsOf(line)}” has an older token than ${highest} before it`);
    if (line.token === 0) found.push(`“${wordsOf(line)}” was written without a permit`);
    highest = Math.max(highest, line.token);
    const before = attempts.get(line.task) ?? 0;
    if (line.attempt < before) found.push(`“${wordsOf(line)}” was written after attempt ${before}`);
    attempts.set(line.task, Math.max(before, line.attempt));
    return found;
  });
}

/** One attempt does its step once. */
function judgeRepeats(lines: Line[]): string[] {
  const begun = new Set<string>();
  return lines
    .filter(({ kind }) => kind === 'begin')
    .flatMap(line => {
      const isAgain = begun.has(runOf(line));
      begun.add(runOf(line));
      return isAgain ? [`“${wordsOf(line)}” is there twice`] : [];
    });
}

/** Steps are begun in their order (some may be left out), and taken back from the last to the first. */
function judgeOrder(lines: Line[]): string[] {
  let last: Line | null = null;
  return lines
    .filter(({ kind }) => kind === 'begin')
    .flatMap(line => {
      const before = last;
      last = line;
      if (!before || before.task === line.task || before.token !== line.token) return [];
      const numbers = [numberOf(before), numberOf(line)] as const;
      const isRight =
        before.verb === line.verb
          ? line.verb === 'do'
            ? numbers[0] < numbers[1]
            : numbers[0] > numbers[1]
          : line.verb === 'undo' && numbers[0] >= numbers[1];
      return isRight ? [] : [`“${wordsOf(line)}” was begun after “${wordsOf(before)}”`];
    });
}

const numberOf = ({ step }: Line) => Number(step.slice(1));
