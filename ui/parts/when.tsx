// A moment as a relative time (exact on hover), and a duration that counts while it runs.

import { Show } from 'solid-js';
import { now } from '../app/clock.ts';
import { durationWords, elapsedMs, exactTime, relativeTime } from '../text/time.ts';

export function When(props: { at: string | null; none?: string }) {
  return (
    <Show when={props.at} fallback={<span class="faint">{props.none ?? '–'}</span>}>
      {at => (
        <time datetime={at()} title={exactTime(at())}>
          {relativeTime(at(), now())}
        </time>
      )}
    </Show>
  );
}

export function Duration(props: { from: string | null; to: string | null; live?: boolean }) {
  const words = () => {
    const ms = elapsedMs(props.from, props.to, props.to || !props.live ? 0 : now());
    return ms === null || (!props.to && !props.live) ? '–' : durationWords(ms);
  };
  return <span class="duration">{words()}</span>;
}
