// The queues of the engine, beside the one of Tasks: every worker serves all of them, each with slots of its own.

/** Actions do not wait behind Operations. */
export function actionQueue(taskQueue: string): string {
  return `${taskQueue}-actions`;
}

/** What Operations write down: a worker full of long Tasks still cancels, parks and hands on locks. */
export function recordQueue(taskQueue: string): string {
  return `${taskQueue}-records`;
}

/** Messages to receivers: one that hangs keeps nothing of an Operation waiting. */
export function deliveryQueue(taskQueue: string): string {
  return `${taskQueue}-deliveries`;
}
