// What a person does in the tests of failures: runs ./aegir, follows, and looks afterwards at what is shown.

import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { EntityView, OperationView, Page } from '../api/contract.ts';
import { aegirCommand, type CliResult } from './cli.ts';
import type { Aegir } from './harness.ts';

export interface Failure {
  /** What `run --follow` printed. */
  output: string;
  operation: OperationView;
}

export interface Operator {
  cli(...args: string[]): Promise<CliResult>;
  /** A command that succeeds; returns what it printed. */
  must(...args: string[]): Promise<string>;
  entity(path: string): Promise<EntityView>;
  /** The newest Operation on `servers/web1`. */
  lastOperation(path: string): Promise<OperationView>;
  /** The same when it is over: what needs attention is left as it is. */
  lastEnded(path: string): Promise<OperationView>;
  /** Looks at a `run --follow` on `servers/web1` that must have failed and said so. */
  failureOf(path: string, result: Promise<CliResult> | CliResult): Promise<Failure>;
}

export function operatorOf(aegir: Aegir): Operator {
  const cli = (...args: string[]) => aegirCommand(aegir, ...args);
  const entity = async (path: string) => {
    const [plural = '', name = ''] = path.split(/\/(.*)/s);
    const { status, body } = await aegir.call<EntityView>('GET', `/api/${plural}/${encodeURIComponent(name)}`);
    expect(status, `${path} ${JSON.stringify(body)}`).toBe(200);
    return body;
  };
  const lastOperation = async (path: string) => {
    const { id } = await entity(path);
    const { body } = await aegir.call<Page<OperationView>>('GET', `/api/operations?subject=${id}&limit=1`);
    return (await aegir.call<OperationView>('GET', `/api/operations/${body.items[0]?.id}`)).body;
  };
  const lastEnded = async (path: string) => aegir.waitFor((await lastOperation(path)).id);
  return {
    cli,
    entity,
    lastOperation,
    lastEnded,
    async must(...args) {
      const { code, stdout, stderr } = await cli(...args);
      expect(code, `aegir ${args.join(' ')}\n${stdout}\n${stderr}`).toBe(0);
      return stdout;
    },
    async failureOf(path, result) {
      const { code, stdout, stderr } = await result;
      expect(code, `${path}\n${stdout}\n${stderr}`).toBe(1);
      const operation = await lastEnded(path);
      expectFailed(operation);
      // The last words of the terminal are what is wrong and the page of the Operation.
      expect(stdout.trimEnd().split('\n').slice(-2).join('\n')).toMatch(/: (failed|needs attention)/);
      expect(stdout.trimEnd().split('\n').slice(-2).join('\n')).toContain(operation.message);
      return { output: stdout, operation };
    },
  };
}

/** Failed at one step, which says why; nothing is left running and nothing after it was run. */
export function expectFailed(operation: OperationView): void {
  expect(operation.state, operation.message).toBe('failed');
  expect(operation.endedAt).not.toBeNull();
  expect(operation.message).toMatch(/^\S+ .*\S$/s);
  const states = operation.tasks.map(task => task.state);
  const at = states.indexOf('failed');
  expect(states, operation.message).toEqual(
    states.map((_, index) => (index < at ? 'succeeded' : index === at ? 'failed' : 'skipped')),
  );
  for (const { state } of operation.tasks.flatMap(task => task.attempts)) expect(state).not.toBe('running');
}

/** Processes on this machine of a Task's attempts, by the marker that each of them carries. */
export function processesOf(operation: OperationView): number[] {
  const markers = operation.tasks.flatMap(task => task.attempts.map(each => `AEGIR_RUN=${task.id}.${each.number}`));
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => environmentOf(pid).some(entry => markers.includes(entry)));
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  } catch {
    // It has ended meanwhile.
    return [];
  }
}
