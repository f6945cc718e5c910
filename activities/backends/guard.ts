// What stands before every command of a run on the machine where it works: the command starts only with the run's permit.

import { supersededMessage } from './fence.ts';
import { markerName } from './process-tree.ts';
import { quoteWord } from './ssh-render.ts';

/** Not 255, which is ssh's own. */
const refusedCode = 75;

/** The first argument is the permit, the others are the command. */
const script = `[ -e "$0" ] && exec "$@"; echo '${supersededMessage}' >&2; exit ${refusedCode}`;

/** The marker comes first, also before sudo, which drops the environment: whoever ends the run takes the permit away and
 * then looks for processes with the marker. */
export function renderGuard(marker: string, permit: string): string[] {
  return ['env', `${markerName}=${marker}`, '/bin/sh', '-c', script, permit];
}

/** Goes before one more word, which is a command line for a shell. */
export function renderShellGuard(marker: string, permit: string): string {
  return `${[...renderGuard(marker, permit), '/bin/sh', '-c'].map(quoteWord).join(' ')} `;
}
