// The one interface between a Task and the tool that carries it out. A backend knows nothing of workflows, of PostgreSQL
// or of the catalogue: it gets everything in a `Run` and says everything through `RunReport`.

import type { FieldSpec } from '../../model/fields.ts';
import type { LogMark } from '../../model/log.ts';
import type { BackendName, TaskTarget } from '../../model/task-type.ts';

/** How to reach the target. Secrets are resolved here: a Run never leaves the worker's memory. */
export interface ServerConnection {
  id: string;
  name: string;
  connection: 'ssh' | 'local';
  address: string;
  port: number;
  user: string;
  /** Private key text; empty = the worker's own ssh configuration is not consulted and the connection fails clearly. */
  sshKey: string;
  /** Pinned `known_hosts` key part (`ssh-ed25519 AAAA…`), '' before the first contact. */
  hostKey: string;
  become: boolean;
  python: string;
}

/** What the Operation holds exclusively, and since when: a later holder has a higher token. */
export interface Fence {
  /** `environment-01J…`, `server-01J…`: of letters, digits, - and _. */
  key: string;
  /** A whole number, 1 or more, that never goes back for a key. */
  token: number;
}

export interface Run {
  taskId: string;
  attemptId: string;
  operationId: string;
  /** 1 for the first; every later one begins with `end(previous)`. A number is never used again for a Task, also not after
   * a resume: the machine refuses it. */
  attempt: number;
  /** Compared on the machine where it works; a lower one than before is refused. */
  fences: Fence[];
  taskType: { name: string; title: string; version: string; facts: boolean; arguments: FieldSpec[] };
  /** Folder that holds the Task type exactly as in the plan (the role's root: meta/, tasks/, shell/run, ...). */
  folder: string;
  target: TaskTarget;
  server?: ServerConnection;
  /** Arguments with secrets resolved. */
  arguments: Record<string, unknown>;
  /** Names of arguments that are secret. */
  secretArguments: string[];
  /** The variable `aegir`: operation, task, subject, custom fields of all roots (`aegir.fields.environment.contact`). */
  context: Record<string, unknown>;
  /** Absolute address of the API's feedback root for this Task, as the worker reaches it, and its token. */
  feedback: { url: string; token: string };
  /** Folder of the worker with a repository of backups, which the target reaches at `feedback_url`/repository/. */
  repository?: { folder: string; access: 'read' | 'add' };
  /** Winning override texts by template name (`custom.conf.j2`), to lie over the role's own. */
  templates: Record<string, string>;
  checkMode: boolean;
}

export interface RunReport {
  /** One line of readable output, without newline. Order is kept. */
  line(text: string): void;
  /** `line` of the mark is filled in by the log. */
  mark(mark: Omit<LogMark, 'line'>): void;
  /** A promise while the log has no room: whoever reads a pipe waits for it before reading on. */
  room(): Promise<void> | undefined;
  /** First contact with a Server: its key, to be pinned. */
  hostKey(key: string, fingerprint: string): Promise<void>;
  /** Playbook, inventory and variables without secrets, kept for `aegir task reproduce`. */
  kept(files: Record<string, string>): Promise<void>;
}

export interface RunResult {
  /** `superseded`: a later attempt, or a later holder of a lock, has taken over. What it did since then is none of its own,
   * and it must not be tried again. */
  status: 'succeeded' | 'failed' | 'unreachable' | 'cancelled' | 'superseded';
  exitCode: number | null;
  changed: boolean;
  outputs: Record<string, unknown>;
  /** One or two sentences for a person: what went wrong and what to do. '' when it succeeded. */
  message: string;
  /** Something of it may still run, or lie, on the target. */
  isLeft?: boolean;
}

export interface Preview {
  changed: boolean;
  diff: string;
  /** Handed to `run` so that exactly this is carried out. */
  token: string;
}

export interface Backend {
  name: BackendName;
  /** Can it run here? Mistakes in words, with what to do; empty = yes. */
  check(run: Run): Promise<string[]>;
  /** What would change, without changing it. Throws AppError('invalid') where the Task type has no preview. */
  preview(run: Run, report: RunReport, signal: AbortSignal): Promise<Preview>;
  /** Resolves when nothing of it runs any more on the worker, also after an abort. Never throws for a failed Task. */
  run(run: Run, report: RunReport, signal: AbortSignal, token?: string): Promise<RunResult>;
  /** Finds a run that is still going and follows it; null = there is none. */
  attach(run: Run, report: RunReport, signal: AbortSignal): Promise<RunResult | null>;
  /** Makes sure that the given earlier attempt and all before it are over, on the worker and on the target. */
  end(run: Run, previousAttempt: number): Promise<void>;
}
