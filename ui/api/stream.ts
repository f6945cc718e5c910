// One server-sent event stream that outlives what happens to it: it resumes where it was after the connection broke, and rests
// while the page is hidden (over HTTP/1.1 a browser has six connections per address for all its tabs together).

import { onCleanup } from 'solid-js';

export interface StreamOptions {
  path: string;
  events: Record<string, (event: MessageEvent<string>) => void>;
  /** `isBack` after a pause or a break: what was missed is not in the stream unless it is resumable. */
  onOpen?: (isBack: boolean) => void;
  onLost?: () => void;
  /** The place to go on from is given as `after`. */
  isResumable: boolean;
}

// An API that restarts needs a few seconds; EventSource itself gives up when the answer is an error.
const retryMs = 3000;

/** Closes with the component, or when the answered function is called. */
export function followStream(options: StreamOptions): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lastId = '';
  let wasOpen = false;
  let isEnded = false;

  const open = () => {
    clearTimeout(timer);
    if (isEnded || document.hidden || source) return;
    const opened = new EventSource(addressOf(options, lastId));
    source = opened;
    opened.onopen = () => {
      options.onOpen?.(wasOpen);
      wasOpen = true;
    };
    opened.onerror = () => {
      options.onLost?.();
      if (opened.readyState !== EventSource.CLOSED) return;
      source = undefined;
      timer = setTimeout(open, retryMs);
    };
    for (const [name, handle] of Object.entries(options.events)) {
      opened.addEventListener(name, event => {
        if (event.lastEventId) lastId = event.lastEventId;
        handle(event);
      });
    }
  };
  const rest = () => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };
  const onVisibility = () => (document.hidden ? rest() : open());
  const end = () => {
    isEnded = true;
    rest();
    document.removeEventListener('visibilitychange', onVisibility);
  };

  document.addEventListener('visibilitychange', onVisibility);
  open();
  onCleanup(end);
  return end;
}

function addressOf(options: StreamOptions, lastId: string): string {
  const after = options.isResumable && lastId ? `?after=${encodeURIComponent(lastId)}` : '';
  return `/api${options.path}${after}`;
}
