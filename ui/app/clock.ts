// One clock for all relative times and running durations on a page.

import { createSignal } from 'solid-js';

const [now, setNow] = createSignal(Date.now());
setInterval(() => {
  if (!document.hidden) setNow(Date.now());
}, 1000);
document.addEventListener('visibilitychange', () => setNow(Date.now()));

/** Milliseconds, renewed every second while the page is visible. */
export { now };
