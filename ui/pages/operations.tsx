// All Operations, newest first, narrowed by what stands in the address.

import { useSearchParams } from '@solidjs/router';
import { For, Show } from 'solid-js';
import { type OperationState, operationStates } from '../../model/run.ts';
import { useCatalogue, useOperationCount, useOperations } from '../api/queries.ts';
import { OperationTable } from '../operation/operation-table.tsx';
import { FilterSelect } from '../parts/filters.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { ShowMore } from '../parts/more.tsx';
import { Empty, Page } from '../parts/page.tsx';
import { inWords, labelFrom, toneOf } from '../text/words.ts';

export function OperationsPage() {
  const [search, setSearch] = useSearchParams<Record<string, string>>();
  const chosen = () => ({ state: search.state, type: search.type, subject: search.subject });
  const answer = useOperations(chosen);
  const catalogue = useCatalogue();
  const types = () => [...(catalogue.data?.operationTypes ?? [])].sort((a, b) => a.name.localeCompare(b.name));
  return (
    <Page title="Operations">
      <StateChips chosen={search.state ?? ''} choose={state => setSearch({ state: state || null })} />
      <search class="filters" aria-label="Narrow the list of Operations">
        <FilterSelect
          label="State"
          value={search.state ?? ''}
          options={operationStates.map(state => ({ value: state, title: inWords(state) }))}
          onChange={state => setSearch({ state: state || null })}
        />
        <FilterSelect
          label="Operation type"
          value={search.type ?? ''}
          options={types().map(type => ({ value: type.name, title: `${type.title} (${type.on})` }))}
          onChange={type => setSearch({ type: type || null })}
        />
        <Show when={search.subject}>
          <button type="button" class="button" onClick={() => setSearch({ subject: null })}>
            Of all subjects
          </button>
        </Show>
      </search>
      <Loaded answer={answer}>
        {data => {
          const items = () => data().pages.flatMap(page => page.items);
          return (
            <Show
              when={items().length > 0}
              fallback={
                <Empty title="No Operation here">
                  <p>Operations are started on the pages of what they work on: an Environment, a Release, a Server.</p>
                </Empty>
              }
            >
              <OperationTable items={items()} />
              <ShowMore answer={answer} />
            </Show>
          );
        }}
      </Loaded>
    </Page>
  );
}

/** What people look for first, while there is any. */
const urgent: OperationState[] = ['needs_attention', 'queued'];

function StateChips(props: { chosen: string; choose: (state: string) => void }) {
  const counts = urgent.map(state => ({ state, count: useOperationCount(state) }));
  return (
    <Show when={counts.some(({ count }) => count())}>
      <div class="chips">
        <For each={counts}>
          {({ state, count }) => (
            <Show when={count()}>
              <button
                type="button"
                class={`chip tone-${toneOf(state)}`}
                aria-pressed={props.chosen === state}
                onClick={() => props.choose(props.chosen === state ? '' : state)}
              >
                {labelFrom(state)} ({count()})
              </button>
            </Show>
          )}
        </For>
      </div>
    </Show>
  );
}
