// All Rollouts, newest first.

import { A, useSearchParams } from '@solidjs/router';
import { Show } from 'solid-js';
import { rolloutStates } from '../../model/rollout.ts';
import { useRollouts } from '../api/queries.ts';
import { useMay } from '../app/session.tsx';
import { FilterSelect } from '../parts/filters.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { ShowMore } from '../parts/more.tsx';
import { Empty, Page } from '../parts/page.tsx';
import { RolloutTable } from '../rollout/rollout-table.tsx';
import { inWords } from '../text/words.ts';

export function RolloutsPage() {
  const may = useMay();
  const [search, setSearch] = useSearchParams<Record<string, string>>();
  const answer = useRollouts(() => ({ state: search.state }));
  return (
    <Page
      title="Rollouts"
      actions={
        <Show when={may('run')}>
          <A class="button button-primary" href="/rollouts/new">
            Start a Rollout
          </A>
        </Show>
      }
    >
      <search class="filters" aria-label="Narrow the list of Rollouts">
        <FilterSelect
          label="State"
          value={search.state ?? ''}
          options={rolloutStates.map(state => ({ value: state, title: inWords(state) }))}
          onChange={state => setSearch({ state: state || null })}
        />
      </search>
      <Loaded answer={answer}>
        {data => {
          const items = () => data().pages.flatMap(page => page.items);
          return (
            <Show
              when={items().length > 0}
              fallback={
                <Empty title="No Rollout here">
                  <p>A Rollout runs one Operation type on many Environments, in waves that stop when too much fails.</p>
                </Empty>
              }
            >
              <RolloutTable items={items()} />
              <ShowMore answer={answer} />
            </Show>
          );
        }}
      </Loaded>
    </Page>
  );
}
