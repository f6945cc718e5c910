// A diff with its lines marked: by sign, word and colour. It can be scrolled by keyboard.

import { createMemo, For, Show } from 'solid-js';
import { kindOfLine, type LineKind } from '../../model/drift.ts';
import { counted } from '../text/words.ts';

/** For whoever hears the page instead of seeing it; signs are often left out. */
const spoken: Partial<Record<LineKind, string>> = { added: 'would be: ', removed: 'is: ' };

export function Diff(props: { text: string; leftOut: number; label: string }) {
  const lines = createMemo(() => props.text.split('\n').map(text => ({ text, kind: kindOfLine(text) })));
  return (
    <div class="diff">
      {/* What scrolls must be reachable without a mouse. */}
      <section class="diff-lines" tabindex="0" aria-label={props.label}>
        <For each={lines()}>
          {line => (
            <div class={`diff-line diff-${line.kind}`}>
              <span class="spoken">{spoken[line.kind]}</span>
              {line.text || ' '}
            </div>
          )}
        </For>
      </section>
      <Show when={props.leftOut > 0}>
        <p class="faint small">
          … and {counted(props.leftOut, 'character')} more, which are not kept. The file itself has them.
        </p>
      </Show>
    </div>
  );
}
