// The form of an entity, new or existing, made from the definitions of its kind.

import { useNavigate, useParams, useSearchParams } from '@solidjs/router';
import { createEffect, createSignal, For, on, Show, untrack } from 'solid-js';
import { createStore } from 'solid-js/store';
import type { Entity } from '../../model/entities.ts';
import { call } from '../api/client.ts';
import { queryClient, useEntity } from '../api/queries.ts';
import { definitionOf, type FullDefinition, useDefinitions, useSession } from '../app/session.tsx';
import { entityName } from '../entity/names.ts';
import { inputDraft, withOperationFields } from '../entity/operation-input.ts';
import { PlacementPreview } from '../entity/placement-preview.tsx';
import { ChosenSubjects, NextTimes, useSchedulePreview } from '../entity/schedule-preview.tsx';
import { type Drafts, draftsFor, onlyChanges, parseDrafts } from '../form/drafts.ts';
import { failureOf, focusFirstProblem, localFailure, noFailure } from '../form/failure.ts';
import { groupFields } from '../form/field-groups.ts';
import { FormFields, ProblemSummary } from '../form/form-fields.tsx';
import { unmatched } from '../form/problems.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Page, Panel } from '../parts/page.tsx';
import { NotFound } from './not-found.tsx';

export function EntityCreatePage() {
  const params = useParams<{ plural: string }>();
  const definitions = useDefinitions();
  const [search] = useSearchParams<Record<string, string>>();
  const session = useSession();
  const ownOrganisation = (definition: FullDefinition) =>
    Object.fromEntries(
      definition.fields.filter(spec => spec.to === 'organisation').map(spec => [spec.name, session().organisation.id]),
    );
  return (
    <Show when={definitionOf(definitions(), params.plural)} keyed fallback={<NotFound />}>
      {definition => (
        <Page title={`Add ${definition.title}`} crumbs={[listCrumb(definition)]}>
          <EntityForm definition={definition} entity={null} values={{ ...ownOrganisation(definition), ...search }} />
        </Page>
      )}
    </Show>
  );
}

export function EntityEditPage() {
  const params = useParams<{ plural: string; id: string }>();
  const definitions = useDefinitions();
  const answer = useEntity(
    () => params.plural,
    () => params.id,
  );
  return (
    <Show when={definitionOf(definitions(), params.plural)} keyed fallback={<NotFound />}>
      {definition => (
        <Loaded answer={answer} missing={<NotFound />}>
          {entity => {
            const name = entityName(definition, entity());
            const crumbs = [listCrumb(definition), { title: name, href: `/${definition.plural}/${entity().id}` }];
            return (
              <Page title={`Edit ${name}`} crumbs={crumbs}>
                <EntityForm definition={definition} entity={entity()} values={{}} />
              </Page>
            );
          }}
        </Loaded>
      )}
    </Show>
  );
}

/** Of what Tasks make people edit some only. */
function editedFields({ fields, edited }: FullDefinition) {
  return edited ? fields.filter(({ name }) => edited.includes(name)) : fields;
}

function listCrumb(definition: FullDefinition) {
  return { title: definition.titlePlural, href: `/${definition.plural}` };
}

interface EntityFormProps {
  definition: FullDefinition;
  entity: Entity | null;
  /** Chosen beforehand by the link that led here. */
  values: Record<string, unknown>;
}

/** A snapshot of the entity: what others change meanwhile does not overwrite what is being typed. */
function EntityForm(props: EntityFormProps) {
  const navigate = useNavigate();
  const isSchedule = props.definition.kind === 'schedule';
  const customSpecs = props.definition.customFields;
  const before = snapshot(props.entity);
  const [drafts, setDrafts] = createStore<Drafts>(
    draftsFor(props.definition.fields, { ...before.values, ...props.values }),
  );
  /** What a Schedule gives to its Operation is asked as that one asks it. */
  const [specs, setSpecs] = createSignal(editedFields(props.definition));
  const preview = useSchedulePreview(specs, drafts, () => (isSchedule ? (props.entity?.id ?? '') : null));
  createEffect(
    on(
      // The object stays the same one when its content changes.
      () => JSON.stringify(preview.data?.groups),
      () => {
        setSpecs(withOperationFields(props.definition.fields, preview.data?.groups));
        setDrafts({
          input: inputDraft(
            specs(),
            untrack(() => drafts.input),
          ),
        });
      },
      { defer: true },
    ),
  );
  const [customDrafts, setCustomDrafts] = createStore<Drafts>(draftsFor(customSpecs, before.fields));
  const [failure, setFailure] = createSignal(noFailure);
  const [busy, setBusy] = createSignal(false);
  const names = () => [...specs().map(spec => spec.name), ...customSpecs.map(spec => `fields.${spec.name}`)];
  const isPlaced = props.definition.kind === 'environment' && !props.entity;
  const back = () => (props.entity ? `/${props.definition.plural}/${props.entity.id}` : `/${props.definition.plural}`);

  const save = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const form = event.currentTarget;
    const built = parseDrafts(specs(), drafts, before.values);
    const custom = parseDrafts(customSpecs, customDrafts, before.fields, 'fields.');
    const problems = [...built.problems, ...custom.problems];
    if (problems.length > 0) {
      setFailure(localFailure(problems));
      return focusFirstProblem(form);
    }
    setBusy(true);
    setFailure(noFailure);
    try {
      const saved = await send(props, {
        values: onlyChanges(built.values, before.values),
        fields: onlyChanges(custom.values, before.fields),
      });
      await queryClient.invalidateQueries();
      navigate(`/${props.definition.plural}/${saved.id}`);
    } catch (error) {
      setFailure(failureOf(error, ['values']));
      focusFirstProblem(form);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form class="form" novalidate onSubmit={save}>
      <ProblemSummary text={failure().text} problems={unmatched(failure().problems, names())} />
      <For each={groupFields(specs(), props.definition.title)}>
        {(group, index) => (
          <Panel title={group.title}>
            <FormFields
              specs={group.specs}
              drafts={drafts}
              problems={failure().problems}
              onChange={(name, draft) => setDrafts({ [name]: draft })}
            />
            <Show when={isPlaced && index() === 0}>
              <PlacementPreview drafts={drafts} />
            </Show>
            <Show when={isSchedule && group.title === 'When'}>
              <NextTimes answer={preview} />
            </Show>
            <Show when={isSchedule && group.title === 'On what'}>
              <ChosenSubjects answer={preview} />
            </Show>
          </Panel>
        )}
      </For>
      <Show when={customSpecs.length > 0}>
        <Panel title="Custom fields">
          <FormFields
            specs={customSpecs}
            drafts={customDrafts}
            problems={failure().problems}
            prefix="fields."
            onChange={(name, draft) => setCustomDrafts({ [name]: draft })}
          />
        </Panel>
      </Show>
      <div class="form-actions">
        <button type="submit" class="button button-primary" disabled={busy()}>
          {props.entity ? 'Save' : `Add ${props.definition.title}`}
        </button>
        <button type="button" class="button" onClick={() => navigate(back())}>
          Cancel
        </button>
      </div>
    </form>
  );
}

interface Values {
  values: Record<string, unknown>;
  fields: Record<string, unknown>;
}

/** A copy: the entity of the query is a live store. */
function snapshot(entity: Entity | null): Values {
  return JSON.parse(JSON.stringify({ values: entity?.values ?? {}, fields: entity?.fields ?? {} })) as Values;
}

function send(props: EntityFormProps, body: Values) {
  return props.entity
    ? call<Entity>(`/${props.definition.plural}/${props.entity.id}`, { method: 'PATCH', body })
    : call<Entity>(`/${props.definition.plural}`, { method: 'POST', body });
}
