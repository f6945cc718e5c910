// The run's own history in words, for those who want to know what the engine did.

import { createSignal, For, Show } from 'solid-js';
import { useEngine } from '../api/queries.ts';
import { OpenLink } from '../entity/field-value.tsx';
import { Fold } from '../parts/fold.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { exactTime } from '../text/time.ts';

export function Engine(props: { id: string }) {
  const [open, setOpen] = createSignal(false);
  const engine = useEngine(() => props.id, open);
  return (
    <Fold title="Engine" onToggle={setOpen}>
      <Loaded answer={engine}>
        {view => (
          <>
            <p class="small">
              Workflow <code>{view().workflowId}</code>, {view().status}.{' '}
              <Show
                when={view().status !== 'expired'}
                fallback="The engine no longer keeps this run; what Aegir recorded stays."
              >
                <OpenLink href={view().console}>Open in the Temporal console</OpenLink>
              </Show>{' '}
              <button type="button" class="button button-small" onClick={() => engine.refetch()}>
                Read again
              </button>
            </p>
            <ol class="engine small">
              <For each={view().entries}>
                {entry => (
                  <li>
                    <time datetime={entry.at} class="faint">
                      {exactTime(entry.at)}
                    </time>{' '}
                    {entry.text}
                  </li>
                )}
              </For>
            </ol>
          </>
        )}
      </Loaded>
    </Fold>
  );
}
