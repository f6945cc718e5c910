// The Operation that a command line is about, before its other flags can be read: they depend on it.

import { parseArgs } from 'node:util';
import type { CredentialFlags } from './credentials.ts';

export interface Target {
  id: string | undefined;
  flags: CredentialFlags;
}

/** @param words behind the name of the command. */
export function readTarget(words: string[]): Target {
  const { values, positionals } = parseArgs({
    args: words,
    strict: false,
    allowPositionals: true,
    options: {
      url: { type: 'string' },
      token: { type: 'string' },
      task: { type: 'string' },
      follow: { type: 'boolean', short: 'f' },
      yes: { type: 'boolean', short: 'y' },
      json: { type: 'boolean' },
    },
  });
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return { id: positionals[0], flags: { url: text(values.url), token: text(values.token) } };
}
