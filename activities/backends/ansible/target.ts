// Where a run goes: this machine, or a Server over its ssh master with a way back for feedback.

import type { Run, RunReport } from '../backend.ts';
import type { BackendDependencies } from '../dependencies.ts';
import { endOnTarget } from '../end-on-target.ts';
import { type FeedbackRelay, localFeedbackUrl } from '../feedback-relay.ts';
import { serverOf } from '../on-server.ts';
import type { InventoryTarget } from './render-inventory.ts';

export interface Target {
  inventory: InventoryTarget;
  socket: string | null;
  feedbackUrl: string;
  /** sudo is used on this machine. */
  sudoHere: boolean;
  /** Ends what the run left on the target; returns what it could not end, in words. */
  end(marker: string): Promise<string>;
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
  if (!server) return here({ python: dependencies.python }, relay, false);
  if (server.connection === 'local') return here({ server }, relay, server.become);
  const lease = await dependencies.masters.acquire(server, report);
  try {
    const port = await lease.forward(relay.port);
    return {
      inventory: { server },
      socket: lease.socket,
      feedbackUrl: localFeedbackUrl(run.feedback.url, port),
      sudoHere: false,
      end: marker => endOnTarget(lease, server, marker),
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

function here(inventory: InventoryTarget, relay: FeedbackRelay, sudoHere: boolean): Target {
  return {
    inventory,
    socket: null,
    feedbackUrl: relay.url,
    sudoHere,
    // The scope on this machine has ended everything.
    end: async () => '',
    close: async () => undefined,
  };
}
