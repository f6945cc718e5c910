/** Parts of an installation, as /api/health names them: what to say when one is away. */
const partsAway: Record<string, string> = {
  engine: 'The engine (Temporal) does not answer',
  database: 'The database (PostgreSQL) does not answer',
  workers: 'No worker answers',
};

/** Without a full stop; also of a part that only a newer API knows. */
export function describePartAway(name: string): string {
  return partsAway[name] ?? `${name} does not answer`;
}
