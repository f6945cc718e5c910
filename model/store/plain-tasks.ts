// Tasks that Aegir carries out itself (the pre-flight): they have an attempt and a log, but no outputs.

import { eq } from 'drizzle-orm';
import type { Database } from './database.ts';
import { taskAttempts, tasks } from './schema/index.ts';

export interface PlainTaskEnd {
  taskId: string;
  attemptId: string;
  state: 'succeeded' | 'failed';
  message: string;
}

export async function finishPlainTask(db: Database, { taskId, attemptId, ...end }: PlainTaskEnd): Promise<void> {
  const over = { ...end, changed: false, endedAt: new Date() };
  await db.transaction(async tx => {
    await tx.update(taskAttempts).set(over).where(eq(taskAttempts.id, attemptId));
    await tx.update(tasks).set(over).where(eq(tasks.id, taskId));
  });
}
