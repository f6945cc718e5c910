// The one interface between a Task and the tool that carries it out. A backend knows nothing of workflows, of PostgreSQL
// or of the catalogue: it gets everything in a `Run` and says everything through `RunReport`.

import type { FoundDifference } from '../../model/drift.ts';
import type { FieldSpec } from '../../model/fields.ts';
import type { LogMark } from '../../model/log.ts';
import type { SubjectReference } from '../../model/plan.ts';
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

/** A Kubernetes cluster, and what in it is this run's. */
export interface ClusterConnection {
  id: string;
  name: string;
  /** Its text; '' = the service account of the pod in which the worker runs. */
  kubeconfig: string;
  /** '' = the current one. */
  context: string;
  /** Of the Environment; '' = the run is of none. */
  namespace: string;
  /** Id of the Environment and its short name; null = the run is of none. */
  environment: { id: string; name: string } | null;
  /** The API's feedback root for this Task as pods reach it; '' = they do not. */
  feedbackUrl: string;
}

/** What the Operation holds exclusively, and since when: a later holder has a higher token. */
export interface Fence {
  /** `environment-01J…`, `server-01J…`: of letters, digits, - and _. */
  key: string;
  /** A whole number, 1 or more, that never goes back for a key. */
  token: number;
}

export interface ManifestPatch {
  /** `Cluster prod, version 2` */
  whose: string;
  text: string;
}

export interface Run {
  taskId: string;
  attemptId: string;
  operationId: string;
  /** 1 for the first; every later one begins with `attach`, and where that finds nothing with `end(previous)`. A number is never used again for a Task, also not after
   * a resume: the machine refuses it. */
  attempt: number;
  /** Earlier attempts of which nobody has told how they ended: only theirs may be attached to. */
  untold: number[];
  /** Compared on the machine where it works; a lower one than before is refused. */
  fences: Fence[];
  taskType: { name: string; title: string; version: string; facts: boolean; arguments: FieldSpec[] };
  /** Folder that holds the Task type exactly as in the plan (the role's root: meta/, tasks/, shell/run, ...). */
  folder: string;
  target: TaskTarget;
  server?: ServerConnection;
  /** Of the target `cluster`. */
  cluster?: ClusterConnection;
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
  /** The target may bring an archive to the control plane, or fetch one, by `feedback_url`/archive. */
  archive?: 'add' | 'read';
  /** Texts by template name (`custom.conf.j2`) that lie over the role's own. */
  templates: Record<string, string>;
  /** By manifest (`kubernetes/web.yml`), in the order in which they are laid over it. */
  patches: Record<string, ManifestPatch[]>;
  checkMode: boolean;
  /** For what a state of what was made is kept, and whose it is; of backends that keep one. */
  state?: SubjectReference & { organisation: string };
  /** Remove what the Task type has made there. */
  destroys?: boolean;
  /** Id of the Task that this one takes back. */
  undoes?: string;
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
  /** What runs from now on knows the feedback token of that attempt, which may be this one again. Its secrets are to be masked. */
  adopted(attempt: number, secrets: readonly string[]): Promise<void>;
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
  /** Something of it may still run, or lie, on the target, and no further attempt comes by itself. */
  isLeft?: boolean;
  /** Of a run in check mode: what it would have changed. */
  differences?: FoundDifference[];
}

export interface Preview {
  changed: boolean;
  diff: string;
  /** Handed to `run` so that exactly this is carried out. */
  token: string;
  /** As a run in check mode would tell them. */
  differences?: FoundDifference[];
}

export interface Backend {
  name: BackendName;
  /** Can it run here? Mistakes in words, with what to do; empty = yes. */
  check(run: Run): Promise<string[]>;
  /** What would change, without changing it. Throws AppError('invalid') where the Task type has no preview. */
  preview(run: Run, report: RunReport, signal: AbortSignal): Promise<Preview>;
  /** Resolves when nothing of it runs any more on the worker, also after an abort. Never throws for a failed Task. */
  run(run: Run, report: RunReport, signal: AbortSignal, token?: string): Promise<RunResult>;
  /** Finds what an earlier attempt that is untold has going, or has brought to its end, and follows it; null = there is none. */
  attach(run: Run, report: RunReport, signal: AbortSignal): Promise<RunResult | null>;
  /** Makes sure that the given earlier attempt and all before it are over, on the worker and on the target. */
  end(run: Run, previousAttempt: number): Promise<void>;
}
