// "Did you mean …?" for names that only the API knows; commander does it for commands and flags.

/** The nearest candidate, if it is near enough to be a slip of the finger. */
export function suggest(word: string, candidates: readonly string[]): string {
  const ranked = candidates
    .map(candidate => ({ candidate, distance: editDistance(word, candidate) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  // Two slips in a short word, a third of a long one: the measure of commander's own suggestions is about the same.
  if (best === undefined || best.distance > Math.max(2, word.length / 3)) return '';
  return ` Did you mean ${best.candidate}?`;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
