// Whether a database does not answer at present, or has refused what it was asked for good.

/** Of PostgreSQL: connections, and what an administrator or a crash ends; conflicts that another try settles. */
const passing = /^(08...|57P0[123]|53300|40001|40P01|25006)$/;

const network = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);

/** What pg says without a code. */
const lost = /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/i;

export function isDatabaseAway(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as Error & { code?: unknown };
    if (typeof code === 'string' && (passing.test(code) || network.has(code))) return true;
    if (lost.test(at.message)) return true;
    if (at instanceof AggregateError && at.errors.some(isDatabaseAway)) return true;
  }
  return false;
}
