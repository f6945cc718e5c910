// What an Operation asks when it cannot go on by itself: what happened, and what each answer would do before it is given.

import { createMemo, createSignal, For, Show } from 'solid-js';
import type { AttentionView, OperationView } from '../../api/contract.ts';
import { type Choice, choices } from '../../model/attention.ts';
import { call } from '../api/client.ts';
import { queryClient } from '../api/queries.ts';
import { useMay } from '../app/session.tsx';
import { failureOf, focusFirstProblem, localFailure, noFailure } from '../form/failure.ts';
import { Field } from '../form/field.tsx';
import { ProblemSummary } from '../form/form-fields.tsx';
import { unmatched } from '../form/problems.ts';
import { Panel } from '../parts/page.tsx';
import { Duration, When } from '../parts/when.tsx';
import { ApprovalFacts, reasonField, useApprovalRefusal } from './approval.tsx';
import { ChangedFields, fieldPaths } from './changed-fields.tsx';
import { DryRunButton, Findings } from './dry-run.tsx';
import { createFieldChanges } from './field-changes.ts';

interface AttentionsProps {
  operation: OperationView;
  /** Brings the log of a Task into sight. */
  showLog: (task: string) => void;
}

/** Nested Operations that run side by side may each ask something. */
export function Attentions(props: AttentionsProps) {
  const keyOf = ({ operation, id }: AttentionView) => `${operation} ${id}`;
  // By key, so that what a person types outlives every news of the Operation.
  const keys = createMemo(() => props.operation.attentions.map(keyOf), [], { equals: sameTexts });
  const find = (key: string) => props.operation.attentions.find(each => keyOf(each) === key);
  return (
    <For each={keys()}>
      {key => <Show when={find(key)}>{attention => <AttentionPanel {...props} attention={attention()} />}</Show>}
    </For>
  );
}

function sameTexts(one: string[], other: string[]): boolean {
  return one.length === other.length && one.every((text, index) => text === other[index]);
}

const needsOperator = 'This needs the role operator: ask somebody who has it.';

type PanelProps = AttentionsProps & { attention: AttentionView };

const titles: Record<AttentionView['about'], string> = {
  step: 'A step has failed: how to go on?',
  cancel: 'Stopped: what becomes of the steps that are done?',
  undo: 'A step could not be undone: how to go on?',
  approval: 'Approval is asked for',
};

function AttentionPanel(props: PanelProps) {
  const title = () => {
    const nested = props.operation.children.find(({ id }) => id === props.attention.operation);
    return nested
      ? `${nested.title} ${nested.subject.name}: ${titles[props.attention.about]}`
      : titles[props.attention.about];
  };
  return (
    <div class="attention" data-attention={props.attention.id}>
      <Panel
        title={title()}
        aside={
          <span class="faint small">
            for <Duration from={props.attention.since} to={null} live />
          </span>
        }
      >
        <p class="attention-message" role="alert">
          {props.attention.message}
        </p>
        <FailedSteps {...props} />
        <ApprovalFacts attention={props.attention} />
        <Show when={props.attention.planned}>
          {planned => (
            <section>
              <h3>What is planned, and carried out exactly so</h3>
              <Findings view={planned()} />
            </section>
          )}
        </Show>
        <Show when={props.attention.approval}>
          <DryRunButton operation={props.operation} />
        </Show>
        <Show when={!props.attention.isDecided} fallback={<p>Decided: it goes on as soon as the engine hears it.</p>}>
          <Policy attention={props.attention} />
          <Choices {...props} />
        </Show>
      </Panel>
    </div>
  );
}

function FailedSteps(props: PanelProps) {
  const failed = () => props.operation.tasks.filter(({ id }) => props.attention.tasks.includes(id));
  return (
    <Show when={failed().length > 0}>
      <ul class="failed-steps">
        <For each={failed()}>
          {task => (
            <li>
              Failed: <strong>{[...task.within, task.title].join(' › ')}</strong>{' '}
              <span class="faint small">{task.target}</span>{' '}
              <button type="button" class="button button-small" onClick={() => props.showLog(task.id)}>
                Show its log
              </button>
            </li>
          )}
        </For>
      </ul>
    </Show>
  );
}

const policyWords: Record<Choice, string> = {
  retry: 'it is tried again',
  skip: 'it goes on without the step',
  undo: 'it ends, and what is done is undone',
  leave: 'it ends and stays as it is',
  approve: 'it goes on',
  reject: 'it is rejected',
};

function Policy(props: { attention: AttentionView }) {
  return (
    <Show when={props.attention.policy}>
      {policy => (
        <p class="attention-policy">
          When nobody decides, {policyWords[policy().choice]}: <When at={policy().at} />.
        </p>
      )}
    </Show>
  );
}

const labels: Record<Choice, string> = {
  retry: 'Retry',
  skip: 'Skip',
  undo: 'Undo',
  leave: 'Leave as it is',
  approve: 'Approve',
  reject: 'Reject',
};
const mainChoices: Choice[] = ['retry', 'approve'];

function Choices(props: PanelProps) {
  const may = useMay();
  const changes = createFieldChanges();
  const [failure, setFailure] = createSignal(noFailure);
  const [busy, setBusy] = createSignal(false);
  const [reason, setReason] = createSignal('');
  const refusalOf = useApprovalRefusal();
  const refusal = () => refusalOf(props.attention.approval) || (may('run') ? '' : needsOperator);
  let form: HTMLFormElement | undefined;

  const refuse = (refused: typeof noFailure) => {
    setFailure(refused);
    if (form) focusFirstProblem(form);
  };
  const decide = async (choice: Choice) => {
    const { operation, id: attention, failed } = props.attention;
    const { inputs, problems } = choice === 'retry' ? changes.read(failed) : { inputs: {}, problems: [] };
    if (problems.length > 0) return refuse(localFailure(problems));
    setBusy(true);
    setFailure(noFailure);
    try {
      await call(`/operations/${operation}/decisions`, {
        method: 'POST',
        body: { attention, choice, inputs, reason: reason() },
      });
      await queryClient.invalidateQueries({ queryKey: ['operation', props.operation.id] });
    } catch (error) {
      refuse(failureOf(error, ['inputs']));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form ref={form} novalidate onSubmit={event => event.preventDefault()}>
      <ProblemSummary
        text={failure().text}
        problems={unmatched(failure().problems, ['reason', ...fieldPaths(props.attention.failed)])}
      />
      <Show when={props.attention.approval && !refusal()}>
        <Field
          spec={reasonField}
          path="reason"
          draft={reason()}
          problems={failure().problems}
          onChange={draft => setReason(String(draft))}
        />
      </Show>
      <ul class="choices">
        <For each={choices.filter(choice => props.attention.choices.includes(choice))}>
          {choice => (
            <li class="choice">
              <button
                type="button"
                class={`button ${mainChoices.includes(choice) ? 'button-primary' : ''}`}
                disabled={busy() || refusal() !== ''}
                onClick={() => void decide(choice)}
              >
                {labels[choice]}
              </button>
              <div class="choice-effect">
                <p>{props.attention.effects[choice]}</p>
                <Show when={choice === 'retry' && may('run')}>
                  <ChangedFields tasks={props.attention.failed} changes={changes} problems={failure().problems} />
                </Show>
              </div>
            </li>
          )}
        </For>
      </ul>
      <Show when={refusal()}>
        <p class="faint">{refusal()}</p>
      </Show>
    </form>
  );
}
