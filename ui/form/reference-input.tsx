// Chooses an entity by its name. When there are more than one page of them, a search narrows the choice.

import { A } from '@solidjs/router';
import { createSignal, For, Show } from 'solid-js';
import type { Entity, EntityKind } from '../../model/entities.ts';
import { useEntities } from '../api/queries.ts';
import { useDefinitions } from '../app/session.tsx';
import { toneOf, withArticle } from '../text/words.ts';
import type { InputProps } from './field-props.ts';

interface ReferenceProps extends InputProps {
  kind: EntityKind;
  value: string;
  onChange: (id: string) => void;
}

// More names than this in one select are no longer read but searched.
const selectLimit = 200;

export function ReferenceInput(props: ReferenceProps) {
  const definitions = useDefinitions();
  const definition = () => definitions()[props.kind];
  const [search, setSearch] = createSignal('');
  const entities = useEntities(
    () => definition().plural,
    () => ({ limit: selectLimit, search: search(), ...props.spec.among }),
  );
  const items = () =>
    (entities.data?.pages ?? [])
      .flatMap(page => page.items)
      .filter(one => one.id !== props.spec.except)
      .filter(one => (one.state !== 'deleted' && one.values.locked !== true) || one.id === props.value);
  const isSearched = () => search() !== '' || entities.hasNextPage;
  const nameOf = (entity: Entity) => String(entity.values[definition().nameField] ?? entity.id);
  const isUnknown = () => props.value !== '' && !items().some(one => one.id === props.value);
  return (
    <div class="reference">
      <Show when={isSearched()}>
        <input
          class="input"
          type="search"
          aria-label={`Search ${definition().titlePlural}`}
          placeholder={`Search ${definition().titlePlural} …`}
          onInput={event => setSearch(event.currentTarget.value)}
        />
      </Show>
      <select
        id={props.id}
        class="input"
        aria-required={props.spec.required ?? false}
        aria-invalid={props.invalid}
        aria-describedby={props.describedBy}
        onChange={event => props.onChange(event.currentTarget.value)}
      >
        <option value="" selected={props.value === ''}>
          {props.spec.required ? `Choose ${withArticle(definition().title)} …` : '–'}
        </option>
        <Show when={isUnknown()}>
          <option value={props.value} selected>
            {props.value}
          </option>
        </Show>
        <For each={items()}>
          {entity => (
            <option value={entity.id} selected={entity.id === props.value}>
              {nameOf(entity)}
              {toneOf(entity.state) === 'bad' || entity.state === 'deleted' ? ` (${entity.state})` : ''}
            </option>
          )}
        </For>
      </select>
      <Show when={entities.data && items().length === 0 && search() === ''}>
        <p class="help">
          There is none yet. <A href={`/${definition().plural}/new`}>Add {withArticle(definition().title)}</A> first.
        </p>
      </Show>
    </div>
  );
}
