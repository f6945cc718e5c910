// Three Projects, Operation types for them, and what suites ask of Schedules.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Page } from '../api/contract.ts';
import type { ScheduledRunView, ScheduleEntryView } from '../api/contract-schedules.ts';
import type { Entity } from '../model/entities.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

/** Two loaded cores need up to a minute for what takes two seconds. */
export const wait = { timeout: 60_000, interval: 100 };

export interface ScheduleStage {
  aegir: Aegir;
  /** alpha, beta, gamma. */
  sites: Entity[];
  /** Of types; also where the Operation `note` writes, and `hold` looks for `gate`. */
  folder: string;
  send<T>(method: string, path: string, body?: unknown, status?: number): Promise<T>;
  addSchedule(values: Record<string, unknown>): Promise<Entity>;
  edit(schedule: Entity, values: Record<string, unknown>): Promise<Entity>;
  remove(schedule: Entity): Promise<unknown>;
  entriesOf(schedule: Entity): Promise<ScheduleEntryView[]>;
  runsOf(schedule: Entity, state?: string): Promise<ScheduledRunView[]>;
  /** A line for each run of `note` with this file. */
  linesOf(file: string): string[];
  stop(): Promise<void>;
}

export async function startScheduleStage(): Promise<ScheduleStage> {
  const types = makeTypeFolder();
  const noting = `file=$(sed 's/.*"file": *"\\([^"]*\\)".*/\\1/'); date +%s >> "${types.path}/$file"`;
  types.shellTask('take_note', noting, { options: 'file: {type: str, description: Its name, required: true}' });
  types.shellTask('wait_for_gate', `while [ ! -e "${types.path}/gate" ]; do sleep 0.1; done`);
  types.operation('note', 'project', '[{id: one, task: take_note}]');
  types.operation('hold', 'project', '[{id: one, task: wait_for_gate}]', 'locks: {project: exclusive}\n');
  types.operation('secretly', 'project', '[{id: one, task: take_note}]', 'minimum_role: administrator\n');
  types.operation('destroy', 'project', '[{id: one, task: take_note}]', 'dangerous: true\n');
  const aegir = await startAegir({ types: types.path });
  const send: ScheduleStage['send'] = async <T>(method: string, path: string, body?: unknown, status = 201) => {
    const answer = await aegir.call<T>(method, path, body);
    expect(answer.status, JSON.stringify(answer.body)).toBe(status);
    return answer.body;
  };
  const listed = async <T>(path: string) => (await send<Page<T>>('GET', `${path}&limit=500`, undefined, 200)).items;
  const sites: Entity[] = [];
  for (const name of ['alpha', 'beta', 'gamma']) {
    const values = { name, repository: `https://example.org/${name}.git`, application: 'static' };
    sites.push(await send<Entity>('POST', '/api/projects', { values }));
  }
  return {
    aegir,
    sites,
    folder: types.path,
    send,
    addSchedule: values => send<Entity>('POST', '/api/schedules', { values }),
    edit: ({ id }, values) => send<Entity>('PATCH', `/api/schedules/${id}`, { values }, 200),
    remove: ({ id }) => aegir.call('DELETE', `/api/schedules/${id}`),
    entriesOf: ({ id }) => listed(`/api/schedule-entries?schedule=${id}`),
    runsOf: ({ id }, state = '') => listed(`/api/scheduled-runs?schedule=${id}${state && `&state=${state}`}`),
    linesOf(file) {
      const path = join(types.path, file);
      return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
    },
    async stop() {
      await aegir.stop();
      types.remove();
    },
  };
}
