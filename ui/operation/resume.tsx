// A further attempt at what has failed or was cancelled: exactly what it would run, what stays done, and what others did since.

import { A } from '@solidjs/router';
import { createEffect, createSignal, For, on, Show } from 'solid-js';
import type { OperationView, ResumeView } from '../../api/contract.ts';
import { call } from '../api/client.ts';
import { queryClient, useResume } from '../api/queries.ts';
import { useDefinitions, useMay } from '../app/session.tsx';
import { failureOf, localFailure, noFailure } from '../form/failure.ts';
import { unmatched } from '../form/problems.ts';
import { StateBadge } from '../parts/badge.tsx';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Notice } from '../parts/notice.tsx';
import { When } from '../parts/when.tsx';
import { counted } from '../text/words.ts';
import { ChangedFields, fieldPaths } from './changed-fields.tsx';
import { createFieldChanges } from './field-changes.ts';

export function ResumeButton(props: { operation: OperationView }) {
  const may = useMay();
  const [open, setOpen] = createSignal(false);
  const isOffered = () =>
    may('run') && props.operation.parent === null && ['failed', 'cancelled'].includes(props.operation.state);
  return (
    <Show when={isOffered()}>
      <button type="button" class="button button-primary" onClick={() => setOpen(true)}>
        Resume
      </button>
      <ResumeDialog operation={props.operation} open={open()} close={() => setOpen(false)} />
    </Show>
  );
}

function ResumeDialog(props: { operation: OperationView; open: boolean; close: () => void }) {
  const answer = useResume(
    () => props.operation.id,
    () => props.open,
  );
  const changes = createFieldChanges();
  const [problems, setProblems] = createSignal(noFailure.problems);
  createEffect(on([() => props.open], () => setProblems(noFailure.problems)));
  const tasks = () => answer.data?.tasks ?? [];
  /** Fields say their own problems; the dialog says the rest. */
  const refuse = (failure: typeof noFailure) => {
    setProblems(failure.problems);
    const others = unmatched(failure.problems, fieldPaths(tasks())).map(({ message }) => message);
    return new Error([failure.text, ...others].join(' '));
  };
  const run = async () => {
    const { inputs, problems: wrong } = changes.read(tasks());
    if (wrong.length > 0) throw refuse(localFailure(wrong));
    const path = `/operations/${props.operation.id}`;
    const resumed = await call<OperationView>(`${path}/resume`, { method: 'POST', body: { inputs } }).catch(error => {
      throw refuse(failureOf(error, ['inputs']));
    });
    queryClient.setQueryData(['operation', props.operation.id], resumed);
  };
  return (
    <ConfirmDialog
      open={props.open}
      title={`Resume “${props.operation.title}”?`}
      verb="Resume"
      keep="Not now"
      harmless
      wide
      disabled={answer.data?.refusal !== ''}
      close={() => props.close()}
      run={run}
    >
      <Show when={props.open}>
        <Loaded answer={answer}>
          {view => (
            <Show when={!view().refusal} fallback={<Notice tone="warn">{view().refusal}</Notice>}>
              <Preview view={view()} operation={props.operation} />
              <ChangedFields tasks={tasks()} changes={changes} problems={problems()} />
            </Show>
          )}
        </Loaded>
      </Show>
    </ConfirmDialog>
  );
}

function Preview(props: { view: ResumeView; operation: OperationView }) {
  const definitions = useDefinitions();
  const running = () => props.view.steps.filter(({ runs }) => runs);
  const finished = () => props.view.steps.filter(({ runs }) => !runs);
  const subject = () => definitions()[props.operation.subject.kind].title;
  return (
    <div class="resume">
      <Steps title={`Will run: ${counted(running().length, 'step')}`} steps={running()} name="runs" />
      <Show when={finished().length > 0}>
        <Steps title="Finished, will not run again" steps={finished()} name="stays" />
      </Show>
      <Show when={props.view.since.length > 0}>
        <section class="resume-since">
          <h3>Others have worked on this {subject()} since</h3>
          <ul class="plain-list">
            <For each={props.view.since}>
              {other => (
                <li>
                  <A href={`/operations/${other.id}`}>{other.title}</A> <StateBadge state={other.state} />{' '}
                  <span class="faint small">
                    by {other.startedBy}, <When at={other.createdAt} />
                  </span>
                </li>
              )}
            </For>
          </ul>
        </section>
      </Show>
    </div>
  );
}

function Steps(props: { title: string; steps: ResumeView['steps']; name: string }) {
  return (
    <section data-resume={props.name}>
      <h3>{props.title}</h3>
      <ul class="resume-steps">
        <For each={props.steps}>
          {step => (
            <li>
              {step.title} <span class="faint small">{step.target}</span>
            </li>
          )}
        </For>
      </ul>
    </section>
  );
}
