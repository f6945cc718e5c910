// Starts an Operation, or runs an Action that has something to ask: everything its Tasks still need in one form, what will be done, and a question where it is dangerous.

import { useNavigate, useParams, useSearchParams } from '@solidjs/router';
import { type Accessor, createMemo, createSignal, Show } from 'solid-js';
import { createStore } from 'solid-js/store';
import type { AgainView, EntityView, FormView, OperationView } from '../../api/contract.ts';
import { call } from '../api/client.ts';
import { useAgain, useEntity, useOperationForm } from '../api/queries.ts';
import { definitionOf, type FullDefinition, useDefinitions } from '../app/session.tsx';
import { ActionOutcome } from '../entity/action-outcome.tsx';
import { type Outcome, runAction } from '../entity/action-run.ts';
import { entityName } from '../entity/names.ts';
import { type Draft, type Drafts, draftOf, parseDrafts } from '../form/drafts.ts';
import { failureOf, focusFirstProblem, localFailure, noFailure } from '../form/failure.ts';
import { ProblemSummary } from '../form/form-fields.tsx';
import { useLater } from '../form/later.ts';
import { unmatched } from '../form/problems.ts';
import { AgainNotice, keptSecrets } from '../operation/again-notice.tsx';
import { PlannedSteps } from '../operation/planned-steps.tsx';
import { StartFields, StartQuestions } from '../operation/start-fields.tsx';
import { useStartKey } from '../operation/start-key.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Page, Panel } from '../parts/page.tsx';
import { NotFound } from './not-found.tsx';

export function OperationStartPage() {
  const params = useParams<{ plural: string; id: string; type: string }>();
  const definitions = useDefinitions();
  const entity = useEntity(
    () => params.plural,
    () => params.id,
  );
  return (
    <Show when={definitionOf(definitions(), params.plural)} keyed fallback={<NotFound />}>
      {definition => (
        <Loaded answer={entity} missing={<NotFound />}>
          {subject => <AgainLoader definition={definition} subject={subject()} type={params.type} />}
        </Loaded>
      )}
    </Show>
  );
}

interface StartProps {
  definition: FullDefinition;
  subject: EntityView;
  type: string;
  /** Earlier run, whose inputs the form begins with. */
  again: { operation: string; again: AgainView } | null;
}

/** An earlier run is waited for before the form is made: its inputs are what the form begins with. */
function AgainLoader(props: Omit<StartProps, 'again'>) {
  const [search] = useSearchParams<{ again?: string }>();
  const again = useAgain(() => search.again ?? '');
  return (
    <Show when={search.again} fallback={<StartLoader {...props} again={null} />}>
      <Loaded answer={again} missing={<NotFound what="There is no such Operation to run again." />}>
        {view => <StartLoader {...props} again={{ operation: search.again ?? '', again: view() }} />}
      </Loaded>
    </Show>
  );
}

function StartLoader(props: StartProps) {
  const [input, setInput] = createSignal(props.again ? JSON.stringify(props.again.again.input) : '');
  const form = useOperationForm(
    () => props.definition.plural,
    () => props.subject.id,
    () => props.type,
    input,
  );
  return (
    <Loaded answer={form} missing={<NotFound what="There is no such Operation type for this." />}>
      {view => <StartForm {...props} view={view} onInput={setInput} />}
    </Loaded>
  );
}

interface StartFormProps extends StartProps {
  view: Accessor<FormView>;
  onInput: (json: string) => void;
}

function StartForm(props: StartFormProps) {
  const navigate = useNavigate();
  const name = () => entityName(props.definition, props.subject);
  const base = () => `/${props.definition.plural}/${props.subject.id}`;
  const specs = createMemo(() => props.view().groups.flatMap(group => group.fields));
  const [touched, setTouched] = createStore<Drafts>({});
  const former = () => props.again?.again.input ?? {};
  const drafts = (): Drafts =>
    Object.fromEntries(
      specs().map(spec => [spec.name, touched[spec.name] ?? draftOf(spec, former()[spec.name] ?? spec.default)]),
    );
  const parse = () => {
    const { values, problems } = parseDrafts(specs(), drafts());
    return { values: { ...keptSecrets(drafts(), former()), ...values }, problems };
  };
  const [reason, setReason] = createSignal('');
  const [typed, setTyped] = createSignal('');
  const [failure, setFailure] = createSignal(noFailure);
  const [busy, setBusy] = createSignal(false);
  // Steps and problems may depend on what was chosen.
  const askAgain = useLater(() => props.onInput(JSON.stringify(parse().values)));
  const isBlocked = () => props.view().problems.length > 0;
  const isConfirmed = () => !props.view().dangerous || typed() === name();
  const [outcome, setOutcome] = createSignal<Outcome | null>(null);
  const keyFor = useStartKey();

  const change = (field: string, draft: Draft) => {
    setTouched({ [field]: draft });
    askAgain();
  };
  const start = async (form: HTMLFormElement, dryRun = false) => {
    const { values, problems } = parse();
    if (problems.length > 0) {
      setFailure(localFailure(problems));
      return focusFirstProblem(form);
    }
    setBusy(true);
    setFailure(noFailure);
    setOutcome(null);
    try {
      const { action } = props.view();
      if (action) return await act(form, { opens: action.opens, input: values });
      const body = {
        type: props.type,
        input: values,
        ...(reason() ? { reason: reason() } : {}),
        ...(dryRun ? { dryRun } : {}),
      };
      const headers = { 'idempotency-key': keyFor(JSON.stringify(body)) };
      const operation = await call<OperationView>(`${base()}/operations`, { method: 'POST', body, headers });
      navigate(`/operations/${operation.id}`);
    } catch (error) {
      setFailure(failureOf(error, ['input']));
      focusFirstProblem(form);
    } finally {
      setBusy(false);
    }
  };

  const act = async (form: HTMLFormElement, given: { opens: string | null; input: Record<string, unknown> }) => {
    const ended = await runAction({ base: base(), type: props.type, ...given });
    if (ended.kind !== 'refused') return setOutcome(ended);
    setFailure(failureOf(ended.error, ['input']));
    return focusFirstProblem(form);
  };

  return (
    <Page
      title={`${props.view().title}: ${name()}`}
      crumbs={[
        { title: props.definition.titlePlural, href: `/${props.definition.plural}` },
        { title: name(), href: base() },
      ]}
    >
      <form
        class="columns"
        novalidate
        onSubmit={event => {
          event.preventDefault();
          void start(event.currentTarget);
        }}
      >
        <div class="column-main form">
          <ProblemSummary
            text={failure().text}
            problems={unmatched(
              failure().problems,
              specs().map(spec => spec.name),
            )}
          />
          <ProblemSummary text={isBlocked() ? 'It cannot be started now' : ''} problems={props.view().problems} />
          <Show when={props.again}>
            {again => <AgainNotice {...again()} known={specs().map(({ name }) => name)} />}
          </Show>
          <StartFields view={props.view()} drafts={drafts()} problems={failure().problems} onChange={change} />
          <Panel title="Start">
            <StartQuestions
              view={props.view()}
              name={name()}
              setReason={setReason}
              typed={typed()}
              setTyped={setTyped}
            />
            <div class="form-actions">
              <button
                type="submit"
                class={`button ${props.view().dangerous ? 'button-danger' : 'button-primary'}`}
                disabled={busy() || isBlocked() || !isConfirmed()}
              >
                {props.view().title}
              </button>
              <Show when={props.view().hasDryRun}>
                <button
                  type="button"
                  class="button"
                  title="Shows what it would change, and does nothing"
                  disabled={busy() || isBlocked()}
                  onClick={event => event.currentTarget.form && void start(event.currentTarget.form, true)}
                >
                  Dry run
                </button>
              </Show>
              <button type="button" class="button" onClick={() => navigate(base())}>
                Back
              </button>
            </div>
            <Show when={outcome()}>
              {shown => <ActionOutcome title={props.view().title} outcome={shown()} close={() => setOutcome(null)} />}
            </Show>
          </Panel>
        </div>
        <div class="column-side">
          <PlannedSteps steps={props.view().steps} />
        </div>
      </form>
    </Page>
  );
}
