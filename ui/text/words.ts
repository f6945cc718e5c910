// Words and tones of states, and small texts that several pages need.

export type Tone = 'good' | 'busy' | 'bad' | 'warn' | 'ask' | 'idle';

const tones: Record<string, Tone> = {
  succeeded: 'good',
  enabled: 'good',
  verified: 'good',
  ok: 'good',
  changed: 'warn',
  running: 'busy',
  installing: 'busy',
  failed: 'bad',
  broken: 'bad',
  unreachable: 'bad',
  queued: 'idle',
  pending: 'idle',
  new: 'idle',
  skipped: 'idle',
  ignored: 'warn',
  cancelled: 'warn',
  disabled: 'warn',
  needs_attention: 'ask',
  undoing: 'busy',
  undone: 'warn',
  paused: 'warn',
  waiting: 'ask',
  finished: 'warn',
  aborted: 'warn',
  started: 'good',
  missed: 'bad',
  collecting: 'idle',
  sending: 'busy',
  delivered: 'good',
  given_up: 'bad',
  received: 'idle',
  looking: 'busy',
  building: 'busy',
  updating: 'busy',
  done: 'good',
  refused: 'bad',
};

export function toneOf(state: string): Tone {
  return tones[state] ?? 'idle';
}

/** `needs_attention` → "needs attention". */
export function inWords(name: string): string {
  return name.replaceAll('_', ' ');
}

/** `web_server` → "Web server": the label of a field that brings none. */
export function labelFrom(name: string): string {
  const words = inWords(name);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

/** "an Environment", "a Release". */
export function withArticle(title: string): string {
  return `${/^[aeio]/i.test(title) ? 'an' : 'a'} ${title}`;
}

/** Git hashes are known by their first ten characters. */
export function shortHash(hash: string): string {
  return hash.slice(0, 10);
}
