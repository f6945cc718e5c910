// Says on every page which part of Aegir does not answer, what that means, and goes by itself.

import { For, Show } from 'solid-js';
import { describePartAway } from '../../model/parts.ts';
import { type AwayPart, away } from '../api/health.ts';
import { isLive } from '../api/live.ts';
import { exactTime } from '../text/time.ts';

const meanings: Record<string, string> = {
  engine: 'Nothing begins or goes on meanwhile. Operations go on by themselves when it is back.',
  database: 'What you see may be old, and nothing can be changed. Operations go on by themselves when it is back.',
  workers: 'Steps wait. Operations go on by themselves when a worker is back.',
};

export function AwayBar() {
  const isLost = () => !isLive() || away().some(({ name }) => name === 'api');
  const parts = () => away().filter(({ name }) => name !== 'api');
  return (
    <div class="away" role="status">
      <Show when={isLost()}>
        <p>The connection to Aegir is lost; what you see may be old. Operations go on by themselves. Trying again …</p>
      </Show>
      <For each={parts()}>{part => <Part part={part} />}</For>
    </div>
  );
}

function Part(props: { part: AwayPart }) {
  return (
    <p data-away={props.part.name}>
      <strong>{describePartAway(props.part.name)}</strong> since {exactTime(props.part.since)}.{' '}
      {meanings[props.part.name]}
    </p>
  );
}
