// The end of a run that somebody ends by force: files that would take minutes do not begin any more when it is near, and say so.

/** `AEGIR_TEST_UNTIL`, in seconds since 1970, is set by .ci/run. Why a file does not begin, in words; null = it does. */
export function noTimeLeft(until = process.env.AEGIR_TEST_UNTIL, now = Date.now()): string | null {
  if (!until || now / 1000 < Number(until)) return null;
  return 'The time of this run was over before it was its turn (AEGIR_TEST_UNTIL).';
}
