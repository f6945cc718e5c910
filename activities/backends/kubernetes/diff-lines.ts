// A unified diff of two texts of some hundred lines: what is added and removed, with a few lines around it.

const around = 3;

interface Line {
  sign: ' ' | '+' | '-';
  text: string;
  /** Numbers of the next line on both sides. */
  before: number;
  after: number;
}

/** '' when they are equal. */
export function diffLines(before: string, after: string): string {
  if (before === after) return '';
  const lines = compare(splitLines(before), splitLines(after));
  const isNear = lines.map((_, at) =>
    lines.slice(Math.max(0, at - around), at + around + 1).some(({ sign }) => sign !== ' '),
  );
  const parts: string[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    if (!isNear[at]) continue;
    let end = at;
    while (end < lines.length && isNear[end]) end += 1;
    parts.push(renderHunk(lines.slice(at, end)));
    at = end;
  }
  return parts.join('\n');
}

const splitLines = (text: string) => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));

function renderHunk(lines: Line[]): string {
  const [first] = lines;
  const count = (other: string) => lines.filter(({ sign }) => sign !== other).length;
  const head = `@@ -${first?.before ?? 1},${count('+')} +${first?.after ?? 1},${count('-')} @@`;
  return [head, ...lines.map(({ sign, text }) => `${sign}${text}`)].join('\n');
}

/** By the longest common subsequence. */
function compare(before: string[], after: string[]): Line[] {
  const lengths = commonLengths(before, after);
  const lines: Line[] = [];
  let [at, to] = [0, 0];
  const push = (sign: Line['sign'], text: string) => lines.push({ sign, text, before: at + 1, after: to + 1 });
  while (at < before.length || to < after.length) {
    if (at < before.length && to < after.length && before[at] === after[to]) {
      push(' ', before[at] ?? '');
      at += 1;
      to += 1;
    } else if (
      to >= after.length ||
      (at < before.length && (lengths[at + 1]?.[to] ?? 0) >= (lengths[at]?.[to + 1] ?? 0))
    ) {
      push('-', before[at] ?? '');
      at += 1;
    } else {
      push('+', after[to] ?? '');
      to += 1;
    }
  }
  return lines;
}

function commonLengths(before: string[], after: string[]): number[][] {
  const lengths: number[][] = Array.from({ length: before.length + 1 }, () =>
    new Array<number>(after.length + 1).fill(0),
  );
  for (let at = before.length - 1; at >= 0; at -= 1) {
    const [row = [], below = []] = [lengths[at], lengths[at + 1]];
    for (let to = after.length - 1; to >= 0; to -= 1)
      row[to] = before[at] === after[to] ? (below[to + 1] ?? 0) + 1 : Math.max(below[to] ?? 0, row[to + 1] ?? 0);
  }
  return lengths;
}
