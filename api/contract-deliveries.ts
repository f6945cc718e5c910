// A message to a Receiver, as the API answers it (routes: contract.ts).

import type { DeliveryState, Notice } from '../model/notices.ts';

export interface DeliveryView {
  id: string;
  state: DeliveryState;
  /** Who asked for it; '' = it is no test. */
  testBy: string;
  notices: (Notice & { again: boolean })[];
  attempts: number;
  /** To the last attempt. */
  answer: string;
  createdAt: string;
  triedAt: string | null;
  nextAt: string | null;
  endedAt: string | null;
}
