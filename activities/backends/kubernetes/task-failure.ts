// Ends a run from within: what went wrong and what to do, for a person.

import type { RunResult } from '../backend.ts';

export class TaskFailure extends Error {
  readonly status: Exclude<RunResult['status'], 'succeeded'>;
  readonly exitCode: number | null;

  constructor(
    message: string,
    status: Exclude<RunResult['status'], 'succeeded'> = 'failed',
    exitCode: number | null = null,
  ) {
    super(message);
    this.status = status;
    this.exitCode = exitCode;
  }
}
