// In a diff, what a secret replaces is a secret too: the password of before, or one that somebody has entered by hand. No mask
// can know it, but it stands where the known one stands, or looks like a key.

import { stars } from './mask.ts';

/** Shorter beginnings of a line say nothing about what follows. */
const shortestBegin = 3;

/** @param diff unified and masked: lines begin with "+", "-" or a space. */
export function hideReplaced(diff: string): string {
  return hideKeys(diff.split('\n').map(besidesOf(diff))).join('\n');
}

function besidesOf(diff: string): (line: string) => string {
  const begins = diff.split('\n').flatMap(line => {
    const at = line.indexOf(stars);
    const begin = at > 0 && !line.startsWith('-') ? line.slice(1, at).trimStart() : '';
    return begin.replace(/\s/g, '').length >= shortestBegin ? [begin] : [];
  });
  return line => {
    const own = line.slice(1).trimStart();
    const begin = line.startsWith('-') ? begins.find(each => own.startsWith(each)) : undefined;
    return begin === undefined ? line : `${line.slice(0, line.length - own.length)}${begin}${stars}`;
  };
}

/** Private keys in PEM format, of whatever kind. */
function hideKeys(lines: string[]): string[] {
  let isInside = false;
  return lines.map(line => {
    if (/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(line)) isInside = true;
    else if (/-----END /.test(line)) isInside = false;
    else if (isInside && line.length > 1) return `${line.slice(0, 1)}${stars}`;
    return line;
  });
}
