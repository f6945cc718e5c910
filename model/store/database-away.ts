// Whether a database cannot do its work at present, or has refused what it was asked for good.

/** Of PostgreSQL: connections, and what an administrator or a crash ends; conflicts that another try settles. */
const passing = /^(08...|57P0[123]|53300|40001|40P01|25006)$/;
const diskFull = '53100';

const network = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH']);

/** What pg says without a code. */
const lost = /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/i;

const away = 'The database does not answer at present. Try it again; what runs goes on by itself.';
const full = 'The disk of the database is full. Make room there; what runs goes on by itself then.';

/** What keeps it from its work, in words; null = it does its work. */
export function databaseTrouble(error: unknown): string | null {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as Error & { code?: unknown };
    if (code === diskFull) return full;
    if (typeof code === 'string' && (passing.test(code) || network.has(code))) return away;
    if (lost.test(at.message)) return away;
    const inner = at instanceof AggregateError ? at.errors.map(databaseTrouble).find(Boolean) : null;
    if (inner) return inner;
  }
  return null;
}
