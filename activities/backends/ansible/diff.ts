// The readable diff of a check run, and its fingerprint.

import { createHash } from 'node:crypto';
import { stripVTControlCharacters } from 'node:util';
import type { Preview } from '../backend.ts';
import type { Collected } from './events.ts';

export function previewOf(changes: Collected['changes']): Preview {
  const diff = changes.map(renderChange).join('\n');
  return {
    changed: changes.length > 0,
    diff,
    token: createHash('sha256').update(diff).digest('hex'),
  };
}

function renderChange({ task, host, diff }: Collected['changes'][number]): string {
  const text = stripVTControlCharacters(diff).split('\n').map(withoutTemporaryPath).join('\n').trimEnd();
  return `# ${task} (${host})\n${text}${text ? '\n' : ''}`;
}

/** Headers name files of the run's own folder, which is another one each time. */
function withoutTemporaryPath(line: string): string {
  return /^(\+\+\+|---) /.test(line) ? line.replace(/\/\S*ansible-(?:local-|tmp-)\S*\//, '') : line;
}
