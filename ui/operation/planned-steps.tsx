// What a run will do, in order.

import { For, Show } from 'solid-js';
import type { FormView } from '../../api/contract.ts';
import { Panel } from '../parts/page.tsx';

export function PlannedSteps(props: { steps: FormView['steps'] }) {
  return (
    <Panel title="What will be done">
      <Show when={props.steps.length > 0} fallback={<p class="faint">Known when the form is filled in.</p>}>
        <ol class="planned">
          <For each={props.steps}>
            {step => (
              <li class={`depth-${Math.min(step.depth, 4)}`}>
                {step.title} <span class="faint small">{step.target}</span>
              </li>
            )}
          </For>
        </ol>
      </Show>
    </Panel>
  );
}
