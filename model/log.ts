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
