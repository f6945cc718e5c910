// All entities of one kind, narrowed by what stands in the address.

import { A, useParams, useSearchParams } from '@solidjs/router';
import { For, Show } from 'solid-js';
import { type DriftFilter, driftFilters, hasDrift } from '../../model/drift.ts';
import { useEntities } from '../api/queries.ts';
import { definitionOf, type FullDefinition, useDefinitions, useMayAdd } from '../app/session.tsx';
import { UploadArchive } from '../entity/archive-file.tsx';
import { listFilters } from '../entity/columns.ts';
import { EntityTable } from '../entity/entity-table.tsx';
import { choiceKey } from '../form/drafts.ts';
import { fieldLabel } from '../form/field-props.ts';
import { FilterSelect, SearchFilter } from '../parts/filters.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { ShowMore } from '../parts/more.tsx';
import { Empty, Page } from '../parts/page.tsx';
import { inWords, withArticle } from '../text/words.ts';
import { NotFound } from './not-found.tsx';

export function EntityListPage() {
  const params = useParams<{ plural: string }>();
  const definitions = useDefinitions();
  return (
    <Show when={definitionOf(definitions(), params.plural)} keyed fallback={<NotFound />}>
      {definition => <EntityList definition={definition} />}
    </Show>
  );
}

function EntityList(props: { definition: FullDefinition }) {
  const mayAdd = useMayAdd();
  const [search, setSearch] = useSearchParams<Record<string, string>>();
  const filters = () => listFilters(props.definition);
  const names = () => ['state', 'search', 'drift', ...filters().map(filter => filter.param)];
  const chosen = () => Object.fromEntries(names().map(name => [name, search[name]]));
  const isNarrowed = () => names().some(name => search[name]);
  const answer = useEntities(() => props.definition.plural, chosen);
  return (
    <Page
      title={props.definition.titlePlural}
      actions={
        <Show when={mayAdd(props.definition.kind)}>
          <A class="button button-primary" href={`/${props.definition.plural}/new`}>
            Add {props.definition.title}
          </A>
        </Show>
      }
    >
      <Show when={props.definition.hasFile}>
        <UploadArchive />
      </Show>
      <search class="filters" aria-label={`Narrow the list of ${props.definition.titlePlural}`}>
        <SearchFilter
          value={search.search ?? ''}
          onChange={text => setSearch({ search: text || null }, { replace: true })}
        />
        <FilterSelect
          label="State"
          value={search.state ?? ''}
          options={props.definition.states.map(state => ({ value: state, title: inWords(state) }))}
          onChange={state => setSearch({ state: state || null })}
        />
        <Show when={hasDrift(props.definition.kind)}>
          <FilterSelect
            label="Drift"
            value={search.drift ?? ''}
            options={driftFilters.map(value => ({ value, title: driftFilterWords[value] }))}
            onChange={drift => setSearch({ drift: drift || null })}
          />
        </Show>
        <For each={filters()}>
          {filter => (
            <FilterSelect
              label={fieldLabel(filter.spec)}
              value={search[filter.param] ?? ''}
              options={(filter.spec.choices ?? []).map(choice => ({ value: choiceKey(choice), title: String(choice) }))}
              onChange={value => setSearch({ [filter.param]: value || null })}
            />
          )}
        </For>
      </search>
      <Loaded answer={answer}>
        {data => {
          const items = () => data().pages.flatMap(page => page.items);
          return (
            <Show
              when={items().length > 0}
              fallback={<NoEntities definition={props.definition} narrowed={isNarrowed()} />}
            >
              <EntityTable definition={props.definition} items={items()} />
              <ShowMore answer={answer} />
            </Show>
          );
        }}
      </Loaded>
    </Page>
  );
}

const driftFilterWords: Record<DriftFilter, string> = {
  open: 'differences',
  accepted: 'accepted differences',
  none: 'as it should be',
  never: 'never checked',
};

function NoEntities(props: { definition: FullDefinition; narrowed: boolean }) {
  const mayAdd = useMayAdd();
  const nameHelp = () => props.definition.fields.find(spec => spec.name === props.definition.nameField)?.help ?? '';
  const needed = () => props.definition.fields.filter(spec => spec.to && spec.required).map(fieldLabel);
  return (
    <Show
      when={!props.narrowed}
      fallback={
        <Empty title={`No ${props.definition.title} fits`}>
          <p>
            <A href={`/${props.definition.plural}`}>Show all {props.definition.titlePlural}</A>
          </p>
        </Empty>
      }
    >
      <Empty title={`There is no ${props.definition.title} yet`}>
        <p>{nameHelp()}</p>
        <Show when={needed().length > 0}>
          <p>It needs: {needed().join(', ')}.</p>
        </Show>
        <Show when={mayAdd(props.definition.kind)}>
          <p>
            <A href={`/${props.definition.plural}/new`}>Add {withArticle(props.definition.title)}</A>
          </p>
        </Show>
      </Empty>
    </Show>
  );
}
