// What a Task type is, as read from its folder: roles/<name>/meta/argument_specs.yml (Ansible's own format) and
// roles/<name>/meta/aegir.yml (the rest). The reader and its checks are in catalogue/.

import type { clusterKinds } from './cluster-entity.ts';
import type { EntityKind } from './entities.ts';
import type { FieldRules, FieldSpec, FieldType } from './fields.ts';

export const backendNames = ['ansible', 'shell', 'terraform', 'kubernetes'] as const;
export type BackendName = (typeof backendNames)[number];

/** Of these the state of what they have made is kept, a plan is shown before somebody approves it, and exactly that plan is
 * carried out. */
export const planningBackends: readonly BackendName[] = ['terraform'];

export type ClusterKind = (typeof clusterKinds)[number];

export interface Argument extends FieldSpec {
  /** Paths over the subject and its relations (`environment.primary_name`, `project.fields.contact`); the first with a value counts. */
  from?: string[];
  /** The value of the last successful run of this Task type on this entity comes before the default. */
  remember?: boolean;
  /** False: never asked in a form; when nothing fills it, the Operation is refused with `missing`. */
  ask?: boolean;
  /** What to do when a value with `ask: false` is missing: 'Run "Build" on the Release first.' */
  missing?: string;
  /** The path is read when the Task begins, not when the Operation is started: of what others may change meanwhile. */
  fresh?: boolean;
  /** A reference of which the Task gets the fields by name, secrets included, as they are when it begins. The plan has its id. */
  opened?: boolean;
  /** Kind of Cluster on which there is such an argument; nothing: on both. */
  for?: ClusterKind;
  /** Paths; where one has a value it is not asked: of what comes with the content, or what only the first run needs. */
  unless?: string[];
}

export interface Output {
  name: string;
  type: FieldType;
  /** Entity field that it sets: `environment.path`, `server.facts`, `release.hash`, `environment.fields.x`, `presence.path`. */
  sets?: string;
  /** Kind of entity that it makes: its fields by name. What the Task ran on is what it belongs to. */
  creates?: EntityKind;
  /** What it has found out about the Backup (model/verdict.ts). It counts also when the Task has failed. */
  judges?: 'backup';
  /** Ids of those entities, of the Task's Environment, that are gone by it. */
  removes?: 'backup';
  /** Last runs of cron (model/cron-run.ts). A list: of the sites of its Server, and it is kept nowhere else. A bool: the end
   * of the Task is that of its own Environment, unless it says that another run was under way. It counts also when the Task
   * has failed. */
  reports?: 'cron';
  help?: string;
}

/** `worker`: on the machine of the worker. `server`: on the Server that the root `server`, or the type's own path, names.
 * `cluster`: in the Kubernetes cluster that the root `cluster` names. */
export type TaskTarget = 'worker' | 'server' | 'cluster';

export interface RetryPolicy {
  /** Attempts in all when the transport fails (host unreachable, API server 5xx). A failed task of a play is not retried. */
  attempts: number;
  firstDelaySeconds: number;
}

export interface TaskType {
  name: string;
  title: string;
  description: string;
  /** Hash of the folder. */
  version: string;
  /** Of its backends that run on machines; `cluster`: it has none of these. */
  target: TaskTarget;
  /** Path of the Server on which it runs, which is the root `server` of this Task then; nothing: the root as it is. */
  server?: string;
  backends: BackendName[];
  /** Arguments that name a folder of the worker (absolute; empty = none is served) or a Backup store (its folder, when it is
   * one), and a repository of backups in it, which the target reaches for the time of the run: to read, or also to add to it. */
  serves?: { folder: string; name: string; access?: 'read' | 'add' };
  /** `builds`: in the cluster it works in the namespace for builds, not in that of an Environment. */
  namespace?: 'builds';
  /** The target may bring an archive to the control plane, or fetch the one that the root `archive` names. */
  archive?: 'read' | 'add';
  arguments: Argument[];
  rules: FieldRules;
  outputs: Output[];
  timeoutSeconds: number;
  retry: RetryPolicy;
  repeatable: boolean;
  /** False: reads only. */
  changes: boolean;
  preview: boolean;
  /** Ansible gathers facts first. */
  facts: boolean;
  /** Kinds that feedback of this Task may write custom fields of, beyond the Operation's own roots. Empty = roots only. */
  /** Task type that takes back what this one did; `keep`: what it made may stay. */
  undo?: string;
  /** States of the subject before the Operation in which it may be taken back. Nothing: any. */
  undoStates?: string[];
  /** Output that says whether there is something to undo: true, or not empty. Nothing: whenever something changed. */
  undoWhen?: string;
  /** Roots that its paths start from, hence the kinds of subject it can serve. */
  needs: EntityKind[];
  templates: string[];
}

/** Under `undo`: there is nothing to take back. */
export const keepWord = 'keep';

/** Under `undo`, of a planning backend: what it has made is removed. */
export const destroyWord = 'destroy';

/** Every Task type of a planning backend has it: an undo removes only what was not there before. */
export const madeOutput: Output = { name: 'made', type: 'bool', help: 'There was nothing of it before' };

export const defaultRetry: RetryPolicy = {
  // Three tries over about half a minute outlive a reboot of sshd or a dropped packet, not a machine that is off.
  attempts: 3,
  firstDelaySeconds: 5,
};

/** An hour: longer than any step we know (composer install, first package installation); a hung one is ended. */
export const defaultTimeoutSeconds = 3600;
