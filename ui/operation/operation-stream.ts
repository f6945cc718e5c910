// The events of one Operation: its state goes into the query that the page shows, its log into a LogBook. A counter tells the
// page that there is more; it rises at most once a frame, however fast lines come.

import { type Accessor, createSignal, onCleanup } from 'solid-js';
import type { OperationView } from '../../api/contract.ts';
import type { LogChunk } from '../../model/log.ts';
import { queryClient } from '../api/queries.ts';
import { followStream } from '../api/stream.ts';
import { LogBook } from '../log/log-book.ts';

export interface OperationStream {
  book: LogBook;
  version: Accessor<number>;
  isLost: Accessor<boolean>;
}

export function followOperation(id: string): OperationStream {
  const book = new LogBook();
  const [version, setVersion] = createSignal(0);
  const [isLost, setIsLost] = createSignal(false);
  let frame = 0;
  const announce = () => {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      setVersion(count => count + 1);
    });
  };
  const end = followStream({
    path: `/operations/${encodeURIComponent(id)}/events`,
    isResumable: true,
    events: {
      operation: event => setOperation(id, dataOf<OperationView>(event)),
      log: event => {
        const chunk = dataOf<LogChunk>(event);
        if (chunk) book.add(chunk);
        announce();
      },
      end: () => {
        end();
        void queryClient.invalidateQueries({ queryKey: ['operation', id] });
      },
    },
    onOpen: () => setIsLost(false),
    onLost: () => setIsLost(true),
  });
  onCleanup(() => cancelAnimationFrame(frame));
  return { book, version, isLost };
}

function setOperation(id: string, operation: OperationView | undefined): void {
  if (operation) queryClient.setQueryData(['operation', id], operation);
}

/** The API sends what StreamEvent in api/contract.ts says; a line that is no JSON is not ours and is passed over. */
function dataOf<T>(event: MessageEvent<string>): T | undefined {
  try {
    return JSON.parse(event.data) as T;
  } catch {
    return undefined;
  }
}
