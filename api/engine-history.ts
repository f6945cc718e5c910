// A run's own history in words, for the fold "Engine" of an Operation's page.

import type { temporal } from '@temporalio/proto';

type History = temporal.api.history.v1.IHistory;
type Event = temporal.api.history.v1.IHistoryEvent;

/** Events without news for a person (workflow tasks, markers) are left out. */
export function describeHistory(history: History): { at: string; text: string }[] {
  const names = new Map<string, string>();
  return (history.events ?? []).flatMap(event => {
    const text = wordsOf(event, names);
    return text ? [{ at: timeOf(event), text }] : [];
  });
}

function wordsOf(event: Event, names: Map<string, string>): string {
  const activityOf = (id: unknown) => names.get(String(id)) ?? 'A step';
  if (event.workflowExecutionStartedEventAttributes) {
    return `The run ${event.workflowExecutionStartedEventAttributes.workflowType?.name ?? ''} was started.`;
  }
  const scheduled = event.activityTaskScheduledEventAttributes;
  if (scheduled) {
    names.set(String(event.eventId), scheduled.activityType?.name ?? '');
    return `${scheduled.activityType?.name} was handed out.`;
  }
  const started = event.activityTaskStartedEventAttributes;
  if (started) {
    const why = started.lastFailure?.message ? ` after: ${started.lastFailure.message}` : '';
    return `${activityOf(started.scheduledEventId)}: attempt ${started.attempt} ran on ${started.identity}${why}.`;
  }
  const completed = event.activityTaskCompletedEventAttributes;
  if (completed) return `${activityOf(completed.scheduledEventId)} succeeded.`;
  const failed = event.activityTaskFailedEventAttributes;
  if (failed) return `${activityOf(failed.scheduledEventId)} failed: ${failed.failure?.message ?? ''}`;
  const timedOut = event.activityTaskTimedOutEventAttributes;
  if (timedOut) return `${activityOf(timedOut.scheduledEventId)} timed out: ${timedOut.failure?.message ?? ''}`;
  const cancelled = event.activityTaskCanceledEventAttributes;
  if (cancelled) return `${activityOf(cancelled.scheduledEventId)} was cancelled.`;
  return wordsOfRun(event);
}

function wordsOfRun(event: Event): string {
  const child = event.startChildWorkflowExecutionInitiatedEventAttributes;
  if (child) return `The nested Operation ${child.workflowType?.name} was started.`;
  if (event.childWorkflowExecutionCompletedEventAttributes) return 'The nested Operation succeeded.';
  if (event.childWorkflowExecutionFailedEventAttributes) return 'The nested Operation failed.';
  if (event.workflowExecutionCancelRequestedEventAttributes) return 'A cancel was asked for.';
  if (event.workflowExecutionSignaledEventAttributes) {
    return `The signal ${event.workflowExecutionSignaledEventAttributes.signalName} came in.`;
  }
  if (event.timerStartedEventAttributes) return 'It waits.';
  if (event.workflowTaskFailedEventAttributes) {
    return `The worker could not go on: ${event.workflowTaskFailedEventAttributes.failure?.message ?? ''}`;
  }
  if (event.workflowExecutionCompletedEventAttributes) return 'The run ended.';
  if (event.workflowExecutionFailedEventAttributes) {
    return `The run failed: ${event.workflowExecutionFailedEventAttributes.failure?.cause?.message ?? event.workflowExecutionFailedEventAttributes.failure?.message ?? ''}`;
  }
  if (event.workflowExecutionCanceledEventAttributes) return 'The run was cancelled.';
  if (event.workflowExecutionTerminatedEventAttributes) return 'The run was terminated in the engine.';
  return '';
}

function timeOf(event: Event): string {
  return new Date(
    Number(event.eventTime?.seconds ?? 0) * 1000 + Math.floor((event.eventTime?.nanos ?? 0) / 1e6),
  ).toISOString();
}
