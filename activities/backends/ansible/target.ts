// Where a run goes: this machine, or a Server over its ssh master with a way back for feedback.

import type { Run, RunReport } from '../backend.ts';
import type { BackendDependencies } from '../dependencies.ts';
import { type FeedbackRelay, localFeedbackUrl } from '../feedback-relay.ts';
import { connectionMachine, type Machine, thisMachine } from '../machine.ts';
import { serverOf } from '../on-server.ts';
import type { InventoryTarget } from './render-inventory.ts';

export interface Target {
  inventory: InventoryTarget;
  machine: Machine;
  socket: string | null;
  feedbackUrl: string;
  /** sudo is used on this machine. */
  sudoHere: boolean;
  close(): Promise<void>;
}

/** Throws ConnectionProblem. */
export async function reachTarget(
  run: Run,
  relay: FeedbackRelay,
  report: RunReport,
  dependencies: BackendDependencies,
): Promise<Target> {
  const server = serverOf(run);
  if (server?.connection !== 'ssh') {
    return here(server ? { server } : { python: dependencies.python }, thisMachine(server, dependencies), relay);
  }
  const lease = await dependencies.masters.acquire(server, report);
  try {
    const port = await lease.forward(relay.port);
    return {
      inventory: { server },
      machine: connectionMachine(lease, server),
      socket: lease.socket,
      feedbackUrl: localFeedbackUrl(run.feedback.url, port),
      sudoHere: false,
      close: async () => {
        await lease.cancelForward(relay.port);
        lease.release();
      },
    };
  } catch (error) {
    lease.release();
    throw error;
  }
}

function here(inventory: InventoryTarget, machine: Machine, relay: FeedbackRelay): Target {
  return {
    inventory,
    machine,
    socket: null,
    feedbackUrl: relay.url,
    sudoHere: machine.become,
    close: async () => undefined,
  };
}
