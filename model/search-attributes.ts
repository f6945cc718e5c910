// What runs can be found by in Temporal's console: names and values. The API registers the names at its start.

import type { Plan } from './plan.ts';

/** All of type Keyword: on PostgreSQL a namespace has room for ten of them. */
export const searchAttributes: Record<string, (plan: Plan) => string | undefined> = {
  AegirType: plan => plan.type,
  AegirSubject: plan => plan.subject.name,
  AegirEnvironment: plan => plan.names.environment,
  AegirProject: plan => plan.names.project,
  AegirServer: plan => plan.names.server,
  AegirActor: plan => plan.startedBy,
};

export function searchAttributeValues(plan: Plan): [name: string, value: string][] {
  return Object.entries(searchAttributes).flatMap(([name, read]) => {
    const value = read(plan);
    return value ? [[name, value] as [string, string]] : [];
  });
}

/** Of the Operation: which of its attempts an outermost run carries out. */
export const attemptAttribute = 'AegirAttempt';
