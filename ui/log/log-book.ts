// The log of an Operation as it arrives: lines per attempt, cut into sections at the marks of plays and Ansible tasks. Pieces
// may come twice or out of order (a stream that resumed); the line numbers decide.

import type { LogChunk, LogMark } from '../../model/log.ts';

export interface Section {
  /** Same for the whole life of the log, so that a fold stays as it was set. */
  key: string;
  attemptId: string;
  kind: 'start' | 'play' | 'task' | 'stats';
  title: string;
  /** First line (1 = first) and the one after the last; the last section of an attempt is open until more comes. */
  from: number;
  to: number;
  status: SectionStatus;
  hosts: string[];
  durationMs: number | null;
  notes: string[];
}

export type SectionStatus = '' | 'ok' | 'changed' | 'failed' | 'skipped' | 'unreachable' | 'ignored';

export interface AttemptLog {
  attemptId: string;
  taskId: string;
  /** Index 0 is line 1. Holes are lines that have not arrived yet. */
  lines: (string | undefined)[];
  marks: LogMark[];
  sections: Section[];
  longest: number;
}

export class LogBook {
  readonly attempts = new Map<string, AttemptLog>();
  lineCount = 0;
  longest = 0;
  private readonly seen = new Set<string>();

  add(chunk: LogChunk): void {
    const key = `${chunk.attemptId}:${chunk.firstLine}:${chunk.lineCount}:${chunk.at}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    const log = this.attemptLog(chunk);
    this.addLines(log, chunk);
    if (chunk.marks.length > 0) {
      log.marks.push(...chunk.marks);
      log.marks.sort((a, b) => a.line - b.line);
      log.sections = sectionsOf(log);
    } else endLastSection(log);
  }

  private attemptLog(chunk: LogChunk): AttemptLog {
    const known = this.attempts.get(chunk.attemptId);
    if (known) return known;
    const { attemptId, taskId } = chunk;
    const log: AttemptLog = { attemptId, taskId, lines: [], marks: [], sections: [], longest: 0 };
    log.sections = sectionsOf(log);
    this.attempts.set(attemptId, log);
    return log;
  }

  private addLines(log: AttemptLog, chunk: LogChunk): void {
    if (chunk.lineCount === 0) return;
    const lines = chunk.text.split('\n');
    for (let offset = 0; offset < chunk.lineCount; offset += 1) {
      const line = lines[offset] ?? '';
      const index = chunk.firstLine - 1 + offset;
      if (log.lines[index] === undefined) this.lineCount += 1;
      log.lines[index] = line;
      if (line.length > log.longest) log.longest = line.length;
    }
    if (log.longest > this.longest) this.longest = log.longest;
  }
}

/** Marks that begin a section cut the lines; the others describe the section in which they stand. */
function sectionsOf(log: AttemptLog): Section[] {
  const sections: Section[] = [section(log, 'start', '', 1, 0)];
  let number = 0;
  for (const mark of log.marks) {
    const last = sections.at(-1);
    if (mark.kind === 'play' || mark.kind === 'task' || mark.kind === 'stats') {
      number += 1;
      if (last) last.to = mark.line;
      sections.push(section(log, mark.kind, mark.name ?? (mark.kind === 'stats' ? 'Recap' : ''), mark.line, number));
    } else if (last) describe(last, mark);
  }
  const final = sections.at(-1);
  if (final) final.to = log.lines.length + 1;
  return sections.filter(one => one.kind === 'task' || one.to > one.from);
}

function endLastSection(log: AttemptLog): void {
  const last = log.sections.at(-1);
  if (last) last.to = log.lines.length + 1;
  else log.sections = sectionsOf(log);
}

function section(log: AttemptLog, kind: Section['kind'], title: string, from: number, number: number): Section {
  const key = `${log.attemptId}/${number}`;
  const { attemptId } = log;
  return { key, attemptId, kind, title, from, to: from, status: '', hosts: [], durationMs: null, notes: [] };
}

function describe(target: Section, mark: LogMark): void {
  if (mark.kind === 'note' && mark.name) target.notes.push(mark.name);
  if (mark.kind !== 'result') return;
  if (mark.status) target.status = worse(target.status, mark.status);
  if (mark.host && !target.hosts.includes(mark.host)) target.hosts.push(mark.host);
  if (mark.durationMs !== undefined) target.durationMs = Math.max(target.durationMs ?? 0, mark.durationMs);
}

const byWeight: SectionStatus[] = ['', 'skipped', 'ok', 'changed', 'ignored', 'unreachable', 'failed'];

function worse(a: SectionStatus, b: SectionStatus): SectionStatus {
  return byWeight.indexOf(a) >= byWeight.indexOf(b) ? a : b;
}
