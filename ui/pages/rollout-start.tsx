// The form of a Rollout, with the list that it would have.

import { useNavigate, useSearchParams } from '@solidjs/router';
import { keepPreviousData, useQuery } from '@tanstack/solid-query';
import { createEffect, createSignal, For, on, Show, untrack } from 'solid-js';
import { createStore } from 'solid-js/store';
import type { RolloutPreview, RolloutView } from '../../api/contract-rollouts.ts';
import type { FieldSpec } from '../../model/fields.ts';
import { call } from '../api/client.ts';
import { queryClient } from '../api/queries.ts';
import { inputDraft, withOperationFields } from '../entity/operation-input.ts';
import { type Drafts, draftsFor, parseDrafts } from '../form/drafts.ts';
import { failureOf, focusFirstProblem, localFailure, noFailure } from '../form/failure.ts';
import { groupFields } from '../form/field-groups.ts';
import { FormFields, ProblemSummary } from '../form/form-fields.tsx';
import { unmatched } from '../form/problems.ts';
import { useStartKey } from '../operation/start-key.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Notice } from '../parts/notice.tsx';
import { Page, Panel } from '../parts/page.tsx';

export function RolloutStartPage() {
  const fields = useQuery(() => ({
    queryKey: ['rollout-fields'],
    queryFn: () => call<FieldSpec[]>('/rollouts/fields'),
  }));
  return (
    <Page title="Start a Rollout" crumbs={[{ title: 'Rollouts', href: '/rollouts' }]}>
      <Loaded answer={fields}>{specs => <RolloutForm fields={specs()} />}</Loaded>
    </Page>
  );
}

/** What the link that led here has chosen: names of fields; `input.x` for the Operation, `where` once or more. */
function chosenBy(search: Record<string, string | string[] | undefined>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  const input: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(search)) {
    if (name.startsWith('input.')) input[name.slice('input.'.length)] = value;
    else if (name === 'where') values.where = [value].flat();
    else values[name] = value;
  }
  return { ...values, input };
}

function RolloutForm(props: { fields: FieldSpec[] }) {
  const navigate = useNavigate();
  const keyFor = useStartKey();
  const [search] = useSearchParams<Record<string, string | string[]>>();
  const [drafts, setDrafts] = createStore<Drafts>(draftsFor(props.fields, chosenBy({ ...search })));
  /** With the fields of the Operation, once it is known. */
  const [specs, setSpecs] = createSignal(props.fields);
  const [without, setWithout] = createSignal<string[]>([]);
  const [failure, setFailure] = createSignal(noFailure);
  const [busy, setBusy] = createSignal(false);
  const wanted = () => ({ values: parseDrafts(specs(), drafts).values, without: without() });
  const preview = useQuery(() => ({
    queryKey: ['rollout-preview', JSON.stringify(wanted())],
    queryFn: () => call<RolloutPreview>('/rollouts/preview', { method: 'POST', body: wanted() }),
    placeholderData: keepPreviousData,
    staleTime: 0,
  }));
  createEffect(
    on(
      // The object stays the same one when its content changes.
      () => JSON.stringify(preview.data?.groups),
      () => {
        setSpecs(withOperationFields(props.fields, preview.data?.groups));
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
  const start = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const form = event.currentTarget;
    const { problems } = parseDrafts(specs(), drafts);
    if (problems.length > 0) {
      setFailure(localFailure(problems));
      return focusFirstProblem(form);
    }
    setBusy(true);
    setFailure(noFailure);
    try {
      const body = wanted();
      const headers = { 'idempotency-key': keyFor(JSON.stringify(body)) };
      const { id } = await call<RolloutView>('/rollouts', { method: 'POST', body, headers });
      await queryClient.invalidateQueries();
      navigate(`/rollouts/${id}`);
    } catch (error) {
      setFailure(failureOf(error, []));
      focusFirstProblem(form);
    } finally {
      setBusy(false);
    }
  };
  const names = () => specs().map(({ name }) => name);
  return (
    <form class="form" novalidate onSubmit={start}>
      <ProblemSummary text={failure().text} problems={unmatched(failure().problems, names())} />
      <For each={groupFields(specs(), 'What')}>
        {group => (
          <Panel title={group.title}>
            <FormFields
              specs={group.specs}
              drafts={drafts}
              problems={failure().problems}
              onChange={(name, draft) => setDrafts({ [name]: draft })}
            />
          </Panel>
        )}
      </For>
      <Panel title="The list">
        <Show when={preview.data}>{view => <Waves view={view()} without={without()} setWithout={setWithout} />}</Show>
      </Panel>
      <div class="form-actions">
        <button type="submit" class="button button-primary" disabled={busy() || !preview.data?.count}>
          Start on {preview.data?.count ?? 0}
        </button>
        <button type="button" class="button" onClick={() => navigate('/rollouts')}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function Waves(props: { view: RolloutPreview; without: string[]; setWithout: (ids: string[]) => void }) {
  const said = () => props.view.problems.filter(({ path }) => path === '');
  return (
    <>
      <Show when={said().length > 0}>
        <Notice
          tone="warn"
          title={said()
            .map(({ message }) => message)
            .join(' ')}
        />
      </Show>
      <ol class="plain-list">
        <For each={props.view.waves}>
          {(wave, index) => (
            <li>
              <strong>
                Wave {index() + 1}: {wave.count}
              </strong>
              <ul class="chip-list">
                <For each={wave.subjects}>
                  {subject => (
                    <li class="chip">
                      {subject.name}
                      <button
                        type="button"
                        class="button-plain"
                        aria-label={`Take ${subject.name} off the list`}
                        onClick={() => props.setWithout([...props.without, subject.id])}
                      >
                        ×
                      </button>
                    </li>
                  )}
                </For>
                <Show when={wave.count > wave.subjects.length}>
                  <li class="faint">and {wave.count - wave.subjects.length} more</li>
                </Show>
              </ul>
            </li>
          )}
        </For>
      </ol>
      <Show when={props.view.approval}>
        <Notice tone="info">{props.view.approval}</Notice>
      </Show>
      <Show when={props.view.unfit > 0}>
        <p class="faint small">{props.view.unfit} more are in a state in which this is not offered.</p>
      </Show>
      <Show when={props.without.length > 0}>
        <p class="small">
          {props.without.length} taken off.{' '}
          <button type="button" class="button button-small" onClick={() => props.setWithout([])}>
            Put them back
          </button>
        </p>
      </Show>
    </>
  );
}
