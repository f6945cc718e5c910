// Operations as rows of a table.

import type { OperationSummary } from '../api/contract.ts';
import type { CliEnvironment } from './environment.ts';
import { duration, localTime } from './output.ts';
import { renderTable } from './table.ts';

export function renderOperations(environment: CliEnvironment, operations: OperationSummary[]): string {
  const rows = operations.map(operation => [
    operation.id,
    operation.type,
    `${operation.subject.kind}/${operation.subject.name}`,
    operation.state,
    localTime(operation.startedAt ?? operation.createdAt),
    duration(operation.startedAt, operation.endedAt),
    operation.message,
  ]);
  const header = ['id', 'type', 'on', 'state', 'started', 'took', 'message'];
  return renderTable(header, rows, environment.width);
}
