// Which backups of an Environment stay and which go. Pure; where they lie and how they are removed is others' business.

const periods = ['last', 'daily', 'weekly', 'monthly', 'yearly'] as const;
type Period = (typeof periods)[number];

/** How many are kept of each: the newest ones, and of so many days, weeks, … that have one the newest of each. */
export type KeepRule = Record<Period, number>;

/** Ten years of days: more is a slip of the hand. */
const most = 3660;
const form = `one or more of ${periods.map(period => `“${period} 3”`).join(', ')}`;

/** `last 3, daily 7, monthly 12`: in any order, each once. */
export function parseKeepRule(text: string): { rule: KeepRule; problem: string | null } {
  const rule: KeepRule = { last: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
  const seen = new Set<string>();
  for (const part of text.split(',').map(each => each.trim().replace(/\s+/g, ' '))) {
    const [, name = '', digits = ''] = /^([a-z]+) ([0-9]{1,6})$/.exec(part) ?? [];
    const period = periods.find(each => each === name);
    if (!period) return { rule, problem: `must be ${form}; “${part.replace(/\p{Cc}/gu, ' ')}” is none of these.` };
    if (seen.has(period)) return { rule, problem: `says “${period}” twice.` };
    if (Number(digits) > most) return { rule, problem: `says “${part}”, which is more than ${most}.` };
    seen.add(period);
    rule[period] = Number(digits);
  }
  return { rule, problem: periods.some(period => rule[period] > 0) ? null : 'must keep something.' };
}

export const checkKeepRule = (text: string): string | null => parseKeepRule(text).problem;

export interface KeptBackup {
  id: string;
  /** ISO 8601. */
  madeAt: string;
  state: string;
  pinned: boolean;
}

export interface RetentionPolicy {
  rule: KeepRule;
  /** Whatever the rule says, none goes that is younger. */
  safetyDays: number;
  now: Date;
  /** The backup to which “Roll back” returns. */
  wayBack?: string | null;
}

export interface Fate {
  id: string;
  /** Why it stays; empty: it goes. */
  reasons: string[];
}

export interface RetentionView {
  /** `last 3, daily 7`: the Environment's own, or its Cluster's. */
  rule: string;
  of: 'environment' | 'cluster';
  safetyDays: number;
  /** The newest first; without a reason it goes. */
  fates: { id: string; name: string; state: string; madeAt: string; bytes: number | null; reasons: string[] }[];
}

const dayMs = 86_400_000;

/** In the order of their age, the newest first; days begin at midnight UTC. */
export function fatesOf(backups: KeptBackup[], policy: RetentionPolicy): Fate[] {
  const sorted = [...backups].sort((one, other) => compare(other.madeAt, one.madeAt) || compare(other.id, one.id));
  // What is known to be none fills no place of a rule.
  const usable = sorted.filter(({ state }) => state !== 'failed');
  const byRule = reasonsByRule(usable, policy.rule);
  const newest = (usable[0] ?? sorted[0])?.id;
  const lastProven = usable.find(({ state }) => state === 'proven')?.id;
  return sorted.map(({ id, madeAt, pinned }) => ({
    id,
    reasons: [
      ...(id === lastProven ? ['the last proven one'] : []),
      ...(id === newest ? ['the newest'] : []),
      ...(pinned ? ['pinned'] : []),
      ...(id === policy.wayBack ? ['“Roll back” returns to it'] : []),
      ...(policy.now.getTime() - Date.parse(madeAt) < policy.safetyDays * dayMs
        ? [`younger than ${policy.safetyDays} days`]
        : []),
      ...(byRule.get(id) ?? []),
    ],
  }));
}

const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);

/** @param backups the newest first. */
function reasonsByRule(backups: KeptBackup[], rule: KeepRule): Map<string, string[]> {
  const reasons = new Map<string, string[]>();
  for (const period of periods) {
    const kept = new Set<string>();
    for (const { id, madeAt } of backups) {
      const key = keyOf(period, id, madeAt);
      if (kept.size >= rule[period] || kept.has(key)) continue;
      kept.add(key);
      const words = period === 'last' ? `one of the last ${rule.last}` : `${period}: ${key}`;
      reasons.set(id, [...(reasons.get(id) ?? []), words]);
    }
  }
  return reasons;
}

function keyOf(period: Period, id: string, madeAt: string): string {
  const date = new Date(madeAt).toISOString();
  if (period === 'last') return id;
  if (period === 'weekly') return isoWeek(date);
  return date.slice(0, { daily: 10, monthly: 7, yearly: 4 }[period]);
}

/** 2026-W47: weeks begin on Monday, and belong to the year of their Thursday (ISO 8601). */
function isoWeek(iso: string): string {
  const date = new Date(`${iso.slice(0, 10)}T00:00:00Z`);
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * dayMs);
  const first = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  const week = 1 + Math.floor((thursday.getTime() - first) / dayMs / 7);
  return `${thursday.getUTCFullYear()}-W${String(week).padStart(2, '0')}`;
}
