// What is looked for, given a secret. Each needle is found by three characters that always stand together in it, whatever
// tool has quoted the rest; only where those three occur the regular expression is asked.

import { isPlain, renderForms } from './mask-forms.ts';
import { gramLength } from './mask-grams.ts';

export interface Needle {
  /** Three characters, or '' where no three stand together: then the pattern is looked for everywhere. */
  gram: string;
  /** Sources of what stands before the three characters, and of these with what follows. Most are never asked for. */
  before(): string;
  after(): string;
}

/** A text however it is quoted. */
export function findNeedle(text: string): Needle {
  const at = chooseAnchor(text);
  if (at === null) return { gram: '', before: () => '', after: () => renderForms(text) };
  const gram = text.slice(at, at + gramLength);
  return {
    gram,
    before: () => renderForms(text.slice(0, at)),
    after: () => gram + renderForms(text.slice(at + gramLength)),
  };
}

/** The three plain characters that are least like a word, so that few lines have them by chance. */
function chooseAnchor(text: string): number | null {
  let best: number | null = null;
  let most = -1;
  for (let at = 0; at + gramLength <= text.length; at += 1) {
    const three = text.slice(at, at + gramLength);
    if (![...three].every(isPlain)) continue;
    const rarity = three.replace(/[a-z]/g, '').length;
    if (rarity <= most) continue;
    best = at;
    most = rarity;
  }
  return best;
}

/** A text in base64: any part of it of `least` characters, since its lines are wrapped anywhere. */
export interface Core {
  text: string;
  least: number;
}

/** What is the same wherever the text stands within something longer that is encoded, with its neighbours' bits cut off. */
export function findCores(text: string): Core[] {
  const bytes = Buffer.from(text);
  return [0, 1, 2].map(shift => {
    const whole = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    const core = whole.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
    // Shorter parts would be found by chance; what a short text leaves beside its half tells nothing.
    return { text: core, least: Math.min(12, Math.max(6, Math.ceil(core.length / 2))) };
  });
}
