// A connection in progress belongs to the masters, not to the run: an abort does not wait for its time limit.

/** null = aborted before it was there; what comes later is given back. */
export async function untilAborted<T>(
  coming: Promise<T>,
  signal: AbortSignal,
  giveBack: (late: T) => unknown,
): Promise<T | null> {
  const aborted = new Promise<null>(resolve => {
    if (signal.aborted) resolve(null);
    signal.addEventListener('abort', () => resolve(null), { once: true });
  });
  const first = await Promise.race([coming, aborted]);
  if (first === null) coming.then(giveBack).catch(() => undefined);
  return first;
}
