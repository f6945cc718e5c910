// Runs an Action. A link that it opens goes into a new tab, once: it is neither shown nor kept on the page.

import type { ActionView } from '../../api/contract.ts';
import { call } from '../api/client.ts';

export type Outcome =
  | { kind: 'found'; outputs: Record<string, unknown>; at: string }
  | { kind: 'opened' }
  | { kind: 'blocked' }
  | { kind: 'failed'; message: string; lines: string[] }
  | { kind: 'refused'; error: unknown };

export interface ActionCall {
  /** Address of the entity's page, which is that of its API, too. */
  base: string;
  type: string;
  opens: string | null;
  input: Record<string, unknown>;
}

/** Is to be called while a click is handled: only then browsers let a tab be opened. */
export async function runAction({ base, type, opens, input }: ActionCall): Promise<Outcome> {
  const tab = opens === null ? null : openTab();
  if (opens !== null && tab === null) return { kind: 'blocked' };
  const outcome = await ask(`${base}/actions`, { type, input });
  if (outcome.kind !== 'found' || opens === null) {
    tab?.close();
    return outcome;
  }
  if (tab && visit(tab, outcome.outputs[opens])) return { kind: 'opened' };
  tab?.close();
  return { kind: 'failed', message: 'What it answered is no link that could be opened.', lines: [] };
}

async function ask(path: string, body: unknown): Promise<Outcome> {
  try {
    const { state, outputs, message, lines } = await call<ActionView>(path, { method: 'POST', body });
    if (state === 'failed') return { kind: 'failed', message, lines };
    return { kind: 'found', outputs, at: new Date().toISOString() };
  } catch (error) {
    return { kind: 'refused', error };
  }
}

function openTab(): Window | null {
  const tab = window.open('', '_blank');
  if (!tab) return null;
  // What is opened must not reach this page.
  tab.opener = null;
  tab.document.body.textContent = 'One moment …';
  return tab;
}

function visit(tab: Window, link: unknown): boolean {
  const address = typeof link === 'string' && URL.canParse(link) ? new URL(link) : null;
  // Any other scheme could run code of whoever has made it.
  if (address?.protocol !== 'https:' && address?.protocol !== 'http:') return false;
  tab.location.replace(address.href);
  return true;
}
