// Does something once a person pauses in typing.

import { onCleanup } from 'solid-js';

const pauseMs = 400;

export function useLater(run: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  onCleanup(() => clearTimeout(timer));
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, pauseMs);
  };
}
