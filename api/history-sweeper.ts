// Logs, runs and the audit log have an end: what is older than the settings say goes, a little at a time.

import { expireAudit, expireLogs, expireRollouts, expireRuns } from '../model/store/expired.ts';
import type { ApiDependencies } from './dependencies.ts';

/** They are kept by days. */
const intervalMs = 3_600_000;
const dayMs = 86_400_000;

export function startHistorySweeper(deps: ApiDependencies): () => void {
  let isBusy = false;
  const sweep = async () => {
    if (isBusy) return;
    isBusy = true;
    await sweepHistory(deps, new Date()).catch(error => deps.log('What is too old could not be removed', error));
    isBusy = false;
  };
  const timer = setInterval(sweep, intervalMs);
  void sweep();
  return () => clearInterval(timer);
}

export async function sweepHistory(
  { db, catalogue, history, log }: Pick<ApiDependencies, 'db' | 'catalogue' | 'history' | 'log'>,
  now: Date,
): Promise<void> {
  const { logDays, runDays, auditDays } = history;
  const before = (days: number) => new Date(now.getTime() - days * dayMs);
  const remembering = [...(await catalogue.current()).taskTypes.values()]
    .filter(type => type.arguments.some(({ remember }) => remember))
    .map(({ name }) => name);
  const line = `This log was removed, as it is older than ${logDays} days (AEGIR_LOG_DAYS).`;
  const logs = logDays > 0 ? await expireLogs(db, { before: before(logDays), line }) : 0;
  const rollouts = runDays > 0 ? await expireRollouts(db, before(runDays)) : 0;
  const runs = runDays > 0 ? await expireRuns(db, { before: before(runDays), remembering }) : 0;
  const lines = auditDays > 0 ? await expireAudit(db, before(auditDays)) : 0;
  if (logs + rollouts + runs + lines > 0)
    log(
      `Removed as too old: logs of ${logs} attempts, ${rollouts} Rollouts, ${runs} Operations, ${lines} lines of the audit log`,
    );
}
