// The page of any entity: its state, what can be done, what was done, its fields, what belongs to it.

import { A, useParams } from '@solidjs/router';
import { type Accessor, Show } from 'solid-js';
import type { EntityView } from '../../api/contract.ts';
import { hasDrift } from '../../model/drift.ts';
import { useEntity, useOffers } from '../api/queries.ts';
import { definitionOf, type FullDefinition, useDefinitions, useMayChange } from '../app/session.tsx';
import { DriftBadge } from '../drift/drift-badge.tsx';
import { DriftPanel } from '../drift/drift-panel.tsx';
import { Actions } from '../entity/actions.tsx';
import { ArchiveFile } from '../entity/archive-file.tsx';
import { Certificates } from '../entity/certificates.tsx';
import { DeleteEntity } from '../entity/delete-entity.tsx';
import { Deliveries } from '../entity/deliveries.tsx';
import { EnvironmentNotes } from '../entity/environment-notes.tsx';
import { Facts, Times } from '../entity/facts.tsx';
import { HandedOutSecrets } from '../entity/handed-out.tsx';
import { entityName } from '../entity/names.ts';
import { Offers } from '../entity/offers.tsx';
import { hasOverrides, Overrides } from '../entity/overrides.tsx';
import { Pushes } from '../entity/pushes.tsx';
import { Presences, Related } from '../entity/related.tsx';
import { Retention } from '../entity/retention.tsx';
import { SchedulesOf, ScheduleTimes } from '../entity/schedule-times.tsx';
import { WebConfiguration } from '../entity/web-configuration.tsx';
import { OperationTable } from '../operation/operation-table.tsx';
import { StateBadge } from '../parts/badge.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Page, Panel } from '../parts/page.tsx';
import { NotFound } from './not-found.tsx';

export function EntityPage() {
  const params = useParams<{ plural: string; id: string }>();
  const definitions = useDefinitions();
  const answer = useEntity(
    () => params.plural,
    () => params.id,
  );
  return (
    <Show when={definitionOf(definitions(), params.plural)} keyed fallback={<NotFound />}>
      {definition => (
        <Loaded answer={answer} missing={<NotFound what={`There is no such ${definition.title}.`} />}>
          {entity => <EntityContent definition={definition} entity={entity} />}
        </Loaded>
      )}
    </Show>
  );
}

function EntityContent(props: { definition: FullDefinition; entity: Accessor<EntityView> }) {
  const mayChange = useMayChange();
  const entity = () => props.entity();
  const name = () => entityName(props.definition, entity());
  const base = () => `/${props.definition.plural}/${entity().id}`;
  const isDeleted = () => entity().state === 'deleted';
  return (
    <Page
      title={name()}
      crumbs={[{ title: props.definition.titlePlural, href: `/${props.definition.plural}` }]}
      aside={
        <>
          <StateBadge state={entity().state} />
          <Show when={entity().drift}>{drift => <DriftBadge drift={drift()} />}</Show>
        </>
      }
      actions={
        <Show when={mayChange(props.definition.kind) && !isDeleted()}>
          <A class="button" href={`${base()}/edit`}>
            Edit
          </A>
          <RollOut entity={entity()} />
        </Show>
      }
    >
      <Show when={props.definition.kind === 'environment'}>
        <EnvironmentNotes entity={entity()} />
      </Show>
      <div class="columns">
        <div class="column-main">
          <OperationsOffered definition={props.definition} entity={entity()} base={base()} />
          <Show when={props.definition.hasFile}>
            <ArchiveFile entity={entity()} />
          </Show>
          <Show when={hasDrift(props.definition.kind) && !isDeleted()}>
            <DriftPanel definition={props.definition} entity={entity()} />
          </Show>
          <Show when={props.definition.hasDeliveries}>
            <Deliveries entity={entity()} />
          </Show>
          <Show when={props.definition.hasPushes && entity().values.webhook_secret}>
            <Pushes entity={entity()} />
          </Show>
          <Show
            when={props.definition.kind === 'schedule'}
            fallback={<SchedulesOf kind={props.definition.kind} id={entity().id} />}
          >
            <ScheduleTimes
              id={entity().id}
              paused={entity().values.paused === true}
              note={String(entity().values.pause_note ?? '')}
            />
          </Show>
          <Show when={props.definition.kind !== 'schedule'}>
            <RecentOperations entity={entity()} />
          </Show>
          <Related definition={props.definition} entity={entity()} />
          <Retention entity={entity()} />
          <Certificates entity={entity()} />
          <WebConfiguration entity={entity()} />
        </div>
        <div class="column-side">
          <Facts definition={props.definition} entity={entity()} />
          <HandedOutSecrets definition={props.definition} entity={entity()} />
          <Presences definition={props.definition} entity={entity()} />
          <Show when={hasOverrides(props.definition.kind)}>
            <Overrides plural={props.definition.plural} id={entity().id} />
          </Show>
          <Times entity={entity()} />
        </div>
      </div>
    </Page>
  );
}

/** To all Environments of the Project that have another Release: of a Release this one, of a Project its current one. */
function RollOut(props: { entity: EntityView }) {
  const target = () => {
    const { kind, id, values } = props.entity;
    if (kind === 'release') return { release: id, project: values.project };
    return kind === 'project' && values.current_release ? { release: values.current_release, project: id } : null;
  };
  const href = (release: string, project: string) =>
    `/rollouts/new?${new URLSearchParams([
      ['operation_type', 'update_environment'],
      ['project', project],
      ['input.release', release],
      ['where', `release!=${release}`],
    ])}`;
  return (
    <Show when={target()}>
      {to => (
        <A class="button" href={href(String(to().release), String(to().project))}>
          Update all Environments
        </A>
      )}
    </Show>
  );
}

function OperationsOffered(props: { definition: FullDefinition; entity: EntityView; base: string }) {
  const offers = useOffers(
    () => props.definition.plural,
    () => props.entity.id,
  );
  return (
    <Panel title="Operations">
      <Loaded answer={offers}>
        {data => (
          <>
            <Actions offers={data().filter(offer => offer.action !== null)} base={props.base} />
            <Offers offers={data().filter(offer => offer.action === null)} base={props.base} />
            <DeleteEntity definition={props.definition} entity={props.entity} />
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function RecentOperations(props: { entity: EntityView }) {
  return (
    <Panel
      title="Recent Operations"
      aside={
        <Show when={props.entity.recentOperations.length > 0}>
          <A href={`/operations?subject=${props.entity.id}`}>All</A>
        </Show>
      }
    >
      <Show
        when={props.entity.recentOperations.length > 0}
        fallback={<p class="faint">None has run yet. Start one with a button above.</p>}
      >
        <OperationTable items={props.entity.recentOperations} withoutSubject />
      </Show>
    </Panel>
  );
}
