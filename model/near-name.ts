// Finds the name that was probably meant, for messages about names that do not exist.

/** ` Did you mean "x"?` with a leading space, or ''. */
export function suggestName(wrong: string, known: Iterable<string>): string {
  // A third of the letters may be wrong: more is another word. Longer than any name of ours is not worth the time.
  const most = Math.max(1, Math.floor(wrong.length / 3));
  if (wrong.length > 100) return '';
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const distance = countEdits(wrong.toLowerCase(), name.toLowerCase());
    if (distance <= most && (!best || distance < best.distance)) best = { name, distance };
  }
  return best ? ` Did you mean "${best.name}"?` : '';
}

/** Levenshtein's distance, row by row. */
function countEdits(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
