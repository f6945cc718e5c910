// What a git server has said, as the API answers it (routes: contract.ts).

import type { GitProvider, PushState } from '../model/pushes.ts';

export interface PushView {
  id: string;
  provider: GitProvider;
  /** As its header names it. */
  event: string;
  branch: string;
  commit: string;
  pusher: string;
  state: PushState;
  /** What came of it, or why nothing did. */
  message: string;
  /** How often it came. */
  count: number;
  release: string | null;
  /** In the order of their start. */
  operations: string[];
  receivedAt: string;
  endedAt: string | null;
}

export interface PushPage {
  /** Where the git server is to send to. */
  url: string;
  items: PushView[];
  next: string | null;
}
