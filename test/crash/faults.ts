// Kills or cuts one part and brings it back. Each answers false when there was nothing to kill in time.

import { setTimeout as delay } from 'node:timers/promises';
import { readFileOrNothing } from '../../start/launch.ts';
import { signal } from '../../start/process-tree.ts';
import { findMarked, type Target } from './host.ts';
import { type PartName, type Parts, partNames } from './parts.ts';
import type { Fault } from './plan.ts';

export interface Scene {
  parts: Parts;
  target: Target;
  /** Of the Operation. */
  tasks(): string[];
}

/** A playbook is loading for a second or two when its step has just begun; the step after it may be a program. */
const patienceMs = 15_000;

export async function strike(fault: Fault, scene: Scene, downMs: number): Promise<boolean> {
  if (isPart(fault)) return awayFor(downMs, scene.parts[fault].kill, async () => scene.parts[fault].begin());
  if (fault === 'network') return awayFor(downMs, scene.target.host.cutNetwork, scene.target.host.healNetwork);
  if (fault === 'sshd')
    return awayFor(
      downMs,
      () => killSshd(scene.target),
      () => startSshd(scene.target),
    );
  return killPlaybook(scene.tasks);
}

const isPart = (fault: Fault): fault is PartName & Fault => partNames.some(name => name === fault);

async function awayFor(downMs: number, go: () => Promise<void>, back: () => Promise<void>): Promise<boolean> {
  await go();
  await delay(downMs);
  await back();
  return true;
}

/** All of them: the one that listens, and those of the connections. */
async function killSshd(target: Target): Promise<void> {
  for (const pid of target.processes('sshd')) signal(pid, 'SIGKILL');
  // It would be started again at once.
  await target.exec('systemctl stop ssh');
}

async function startSshd(target: Target): Promise<void> {
  await target.exec('systemctl reset-failed ssh; systemctl start ssh');
}

async function killPlaybook(tasks: () => string[]): Promise<boolean> {
  const end = Date.now() + patienceMs;
  while (Date.now() < end) {
    const [pid] = findMarked(tasks())
      .filter(entry => entry.command.includes('ansible-playbook') && !wrappers.includes(commOf(entry.pid)))
      .map(entry => entry.pid)
      .sort((one, other) => one - other);
    if (pid !== undefined && signal(pid, 'SIGKILL')) return true;
    await delay(20);
  }
  return false;
}

/** They have its name among their arguments. */
const wrappers = ['setpriv', 'unshare', 'sh'];

const commOf = (pid: number) => readFileOrNothing(`/proc/${pid}/comm`).trim();
