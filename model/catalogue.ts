// What the three folders of types hold together. Reading and checking them is in catalogue/.

import type { ApplicationType } from './application-type.ts';
import type { OperationType } from './operation-type.ts';
import type { TaskType } from './task-type.ts';

/** A mistake in a file of a type. The type is refused; the others stay. */
export interface CatalogueProblem {
  file: string;
  /** From 1. */
  line: number;
  message: string;
}

export interface Catalogue {
  taskTypes: ReadonlyMap<string, TaskType>;
  operationTypes: ReadonlyMap<string, OperationType>;
  applicationTypes: ReadonlyMap<string, ApplicationType>;
  problems: readonly CatalogueProblem[];
}
