// One message to one receiver, tried until it has it or nobody waits any more. How long to wait in between is said by the
// activity, as is what was sent: the row is the truth.

import { ApplicationFailure, condition, defineSignal, setHandler, workflowInfo } from '@temporalio/workflow';
import { deliveryWorkflowId, sendNowSignal } from '../model/notices.ts';
import { messenger } from './step-activities.ts';

export interface DeliveryArguments {
  delivery: string;
}

const sendNow = defineSignal(sendNowSignal);

export async function runDelivery({ delivery }: DeliveryArguments): Promise<undefined> {
  if (workflowInfo().workflowId !== deliveryWorkflowId(delivery))
    throw ApplicationFailure.nonRetryable('This belongs to another message.', 'Forged');
  let isWanted = false;
  setHandler(sendNow, () => {
    isWanted = true;
  });
  for (;;) {
    isWanted = false;
    const { pauseSeconds } = await messenger().send(delivery);
    // Asked for while it was being sent: the row is looked at once more.
    if (pauseSeconds === null && !isWanted) return undefined;
    if (pauseSeconds !== null && !isWanted) await condition(() => isWanted, pauseSeconds * 1000);
  }
}
