// What refers to an entity (the Environments of a Release, the Servers of a Cluster), and where Releases lie.

import { A } from '@solidjs/router';
import { For, Show } from 'solid-js';
import type { EntityView } from '../../api/contract.ts';
import { type FullDefinition, useDefinitions, useMayAdd } from '../app/session.tsx';
import { Panel } from '../parts/page.tsx';
import { withArticle } from '../text/words.ts';
import { EntityTable } from './entity-table.tsx';
import { referenceField } from './reference-field.ts';

interface RelatedProps {
  definition: FullDefinition;
  entity: EntityView;
}

export function Related(props: RelatedProps) {
  const definitions = useDefinitions();
  const kinds = () =>
    Object.values(definitions())
      // Those of its own kind that name it do not belong to it.
      .filter(other => other.kind !== props.definition.kind)
      .filter(other => other.fields.some(spec => spec.to === props.definition.kind))
      // A Project may name a Release, but that belongs to its Project, not the other way round.
      .filter(other => !props.definition.fields.some(spec => spec.required && spec.to === other.kind));
  return (
    <For each={kinds()}>
      {other => <RelatedKind definition={other} owner={props.definition} entity={props.entity} />}
    </For>
  );
}

function RelatedKind(props: { definition: FullDefinition; owner: FullDefinition; entity: EntityView }) {
  const mayAdd = useMayAdd();
  const mayRefer = () => props.entity.state !== 'deleted' && props.entity.values.locked !== true;
  const items = () => props.entity.referredBy[props.definition.kind] ?? [];
  const add = () => {
    const field = referenceField(props.definition, props.entity);
    return `/${props.definition.plural}/new${field ? `?${field.name}=${encodeURIComponent(props.entity.id)}` : ''}`;
  };
  return (
    <Panel
      title={props.definition.titlePlural}
      aside={
        <Show when={mayAdd(props.definition.kind) && mayRefer()}>
          <A class="button button-small" href={add()}>
            Add {props.definition.title}
          </A>
        </Show>
      }
    >
      <Show
        when={items().length > 0}
        fallback={
          <p class="faint">
            No {props.definition.title} belongs to this {props.owner.title} yet.
          </p>
        }
      >
        <EntityTable definition={props.definition} items={items()} without={props.owner.kind} />
      </Show>
    </Panel>
  );
}

export function Presences(props: RelatedProps) {
  const isRelease = () => props.definition.kind === 'release';
  return (
    <Show when={props.entity.presences.length > 0 || isRelease()}>
      <Panel title={isRelease() ? 'Where it lies' : 'Releases on it'}>
        <Show
          when={props.entity.presences.length > 0}
          fallback={
            <p class="faint">On no Server yet: an Operation that deploys {withArticle('Release')} puts it there.</p>
          }
        >
          <ul class="plain-list">
            <For each={props.entity.presences}>
              {presence => (
                <li>
                  <Show
                    when={isRelease()}
                    fallback={<A href={`/releases/${presence.release}`}>{presence.releaseName}</A>}
                  >
                    <A href={`/servers/${presence.server}`}>{presence.serverName}</A>
                  </Show>{' '}
                  <code class="path">{presence.path}</code>
                </li>
              )}
            </For>
          </ul>
        </Show>
      </Panel>
    </Show>
  );
}
