// The log of one attempt of a Task: numbered lines, and marks that say what begins or ends at which line. Marks make the
// folds; the lines are what people know from the tool itself.

export interface LogMark {
  /** Number of the line before which it stands (1 = first). */
  line: number;
  kind: 'play' | 'task' | 'result' | 'stats' | 'progress' | 'note';
  /** Ansible task or step name. */
  name?: string;
  host?: string;
  status?: 'ok' | 'changed' | 'failed' | 'skipped' | 'unreachable' | 'ignored';
  durationMs?: number;
  percent?: number;
  data?: Record<string, unknown>;
}

/** A piece of a log as it is stored and streamed. `text` has no final newline; lines are separated by \n. */
export interface LogChunk {
  attemptId: string;
  taskId: string;
  firstLine: number;
  lineCount: number;
  text: string;
  marks: LogMark[];
  at: string;
}

/** 64 KiB or 100 ms, whichever comes first: a person sees a line at once, a flood costs few writes. */
export const chunkBytes = 64 * 1024;
export const chunkDelayMs = 100;
/** A longer line is cut into pieces of this size, each a line of its own, so that none is lost and none blocks a page. */
export const longestLineBytes = 16 * 1024;

/** What a writer may hold back before whoever reads a pipe has to wait for the database: a megabyte of text is a few MiB. */
export const waitingBytes = 1024 * 1024;
/** Pieces in one transaction when there are that many: a flood costs few commits. */
export const chunksPerWrite = 16;

/** Of a log beyond its limit, the end is kept: it is what people look for. */
export const keptTailBytes = 64 * 1024;

/** One attempt as a part of a log that is numbered over several. */
export interface LogAttempt {
  attemptId: string;
  taskId: string;
  number: number;
  lines: number;
  bytes: number;
  /** Lines of the log before its own. */
  offset: number;
  /** Of its last piece: a stream that begins after the greatest of a log's shows what comes then. 0 = none yet. */
  sequence: number;
}

/** What a log is made of, each Task's attempts in the place of its step. */
export interface LogOutline {
  attempts: LogAttempt[];
  /** Lines. */
  total: number;
  sequence: number;
}

/** Lines of a log by their numbers. */
export interface LogRange {
  pieces: LogRangePiece[];
  /** Lines of the whole log at present. */
  total: number;
  /** Where to go on, when the range was too much for one answer; else null. */
  next: number | null;
}

export interface LogRangePiece {
  attemptId: string;
  taskId: string;
  /** Number of the first line: over the whole log, and within the attempt. Marks count within the attempt. */
  from: number;
  firstLine: number;
  lines: string[];
  marks: LogMark[];
}

export interface LogSearch {
  text: string;
  /** A regular expression of PostgreSQL instead of plain text. */
  regex: boolean;
  /** Upper and lower case are the same. */
  ignoreCase: boolean;
}

export interface LogHit {
  attemptId: string;
  taskId: string;
  /** Number over the whole log, and within the attempt. */
  at: number;
  line: number;
  /** Without colours; of a long line the part with the hit. */
  text: string;
}

export interface LogHits {
  hits: LogHit[];
  /** Lines up to here were looked at. */
  searched: number;
  total: number;
  /** Pass as `from` to go on, also when there was no hit yet; null = this was all there is at present. */
  next: number | null;
}
