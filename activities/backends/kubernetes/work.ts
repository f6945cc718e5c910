// What the parts of one run share.

import type { ClusterConnection, Run, RunReport } from '../backend.ts';
import type { Api } from './client.ts';
import type { FindResource } from './kinds.ts';

export interface Work {
  run: Run;
  cluster: ClusterConnection;
  report: RunReport;
  signal: AbortSignal;
  api: Api;
  resourceOf: FindResource;
  /** What has come of it so far, also when it fails later. */
  done: { changed: boolean };
  /** Looks whether this run still counts. Throws a TaskFailure `superseded` when it does not. */
  stillCounts(): Promise<void>;
}
