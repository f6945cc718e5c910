// Finds needles in one pass over a text, however many there are: each three characters are looked up in a table, and only
// where they are known is anything else asked.

import { extend, placesOf } from './mask-cores.ts';
import { createEdgeProbe } from './mask-edges.ts';
import type { EscapedNeedle } from './mask-escaped.ts';
import { createGramTable, gramAt, gramLength, nextGram, placeOf, type Span } from './mask-grams.ts';
import type { Core, Needle } from './mask-needles.ts';

/** What stands around the three characters at `at`; null when nothing does. */
type Probe = (text: string, at: number) => Span | null;

export interface Wanted {
  needles: Needle[];
  escaped: EscapedNeedle[];
  cores: Core[];
  /** Texts of which a part at the beginning or end of a line counts, too. */
  edges: string[];
}

/** @returns a function that finds all spans in a text, in no order; they may overlap. */
export function createScan({ needles, escaped, cores, edges }: Wanted): (text: string) => Span[] {
  const probes = createGramTable<Probe>();
  const everywhere = needles.filter(({ gram }) => gram === '').map(({ after }) => new RegExp(after(), 'g'));
  for (const needle of needles) if (needle.gram !== '') probes.add(gramAt(needle.gram, 0), probeOf(needle));
  for (const { gram, probe } of escaped) probes.add(gramAt(gram, 0), probe);
  for (const core of cores) addCore(core, (gram, probe) => probes.add(gram, probe));
  const { places } = probes;
  const probeEdges = createEdgeProbe(edges);

  return text => {
    const spans: Span[] = [];
    let gram = 0;
    let lineStart = 0;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      gram = nextGram(gram, code);
      if (places[placeOf(gram)] !== 0) {
        for (const probe of probes.find(gram)) {
          const span = probe(text, at + 1 - gramLength);
          if (span) spans.push(span);
        }
      }
      if (code === newline || code === cutMark) {
        probeEdges(text, lineStart, at, spans);
        lineStart = at + 1;
      }
    }
    probeEdges(text, lineStart, text.length, spans);
    for (const pattern of everywhere) {
      for (const { index, 0: found } of text.matchAll(pattern)) spans.push({ start: index, end: index + found.length });
    }
    return spans;
  };
}

const newline = 10;
/** … where somebody has cut a text. */
const cutMark = 0x2026;

function probeOf({ before, after }: Needle): Probe {
  // Most are never asked.
  let pattern: RegExp | undefined;
  return (text, at) => {
    pattern ??= new RegExp(`(?<=(${before()}))${after()}`, 'y');
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    return found && { start: at - (found[1]?.length ?? 0), end: at + found[0].length };
  };
}

function addCore(core: Core, add: (gram: number, probe: Probe) => void): void {
  for (const place of placesOf(core)) {
    const gram = core.text.slice(place, place + gramLength);
    const probe: Probe = (text, at) => extend(core, place, text, at);
    // In both alphabets.
    for (const form of new Set([gram, gram.replaceAll('+', '-').replaceAll('/', '_')])) add(gramAt(form, 0), probe);
  }
}
