// One Operation: its state, its steps, its log as it arrives, and what the engine did.

import { A, useParams } from '@solidjs/router';
import { type Accessor, createSignal, For, Show } from 'solid-js';
import type { OperationView } from '../../api/contract.ts';
import { isOver } from '../../model/run.ts';
import { useOperation } from '../api/queries.ts';
import { useDefinitions, useMay } from '../app/session.tsx';
import { OpenLink, Structure } from '../entity/field-value.tsx';
import { LogView, type ShownTask } from '../log/log-view.tsx';
import { Attentions } from '../operation/attention.tsx';
import { CancelButton } from '../operation/cancel-button.tsx';
import { DryRunPanel } from '../operation/dry-run.tsx';
import { Engine } from '../operation/engine.tsx';
import { HeldLocks } from '../operation/locks.tsx';
import { followOperation } from '../operation/operation-stream.ts';
import { OperationTable, SubjectLink } from '../operation/operation-table.tsx';
import { ResumeButton } from '../operation/resume.tsx';
import { Timeline } from '../operation/timeline.tsx';
import { WaitingPanel } from '../operation/waiting.tsx';
import { StateBadge } from '../parts/badge.tsx';
import { Fold } from '../parts/fold.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Notice } from '../parts/notice.tsx';
import { Page, Panel } from '../parts/page.tsx';
import { Duration, When } from '../parts/when.tsx';
import { NotFound } from './not-found.tsx';

export function OperationPage() {
  const params = useParams<{ id: string }>();
  return (
    <Show when={params.id} keyed>
      {id => <OneOperation id={id} />}
    </Show>
  );
}

function OneOperation(props: { id: string }) {
  const answer = useOperation(() => props.id);
  return (
    <Loaded answer={answer} missing={<NotFound what="There is no such Operation." />}>
      {operation => (
        // A resume begins a stream of its own; the former one ended with its attempt.
        <Show when={operation().attempt} keyed>
          {_ => <OperationContent operation={operation} />}
        </Show>
      )}
    </Loaded>
  );
}

function OperationContent(props: { operation: Accessor<OperationView> }) {
  const operation = () => props.operation();
  const stream = followOperation(operation().id);
  const [shownTask, showTask] = createSignal<ShownTask | null>(null);
  const showLog = (id: string) => showTask({ id });
  return (
    <Page
      title={`${operation().title}: ${operation().subject.name}`}
      crumbs={[{ title: 'Operations', href: '/operations' }]}
      aside={
        <span role="status">
          <StateBadge state={operation().state} />
        </span>
      }
      actions={
        <>
          <CancelButton operation={operation()} />
          <RunAgain operation={operation()} />
          <ResumeButton operation={operation()} />
        </>
      }
      lead={<Lead operation={operation()} />}
    >
      <Show when={operation().state === 'queued'}>
        <WaitingPanel operation={operation()} />
      </Show>
      <Show when={isBeingCancelled(operation())}>
        <Notice tone="warn">Being cancelled by {operation().cancelRequestedBy}.</Notice>
      </Show>
      <Attentions operation={operation()} showLog={showLog} />
      <Show when={operation().message}>
        <Notice tone={operation().state === 'failed' ? 'bad' : 'info'}>
          {operation().message}
          <Show when={operation().exitCode}>
            <span class="faint"> Exit code {operation().exitCode}.</span>
          </Show>
        </Notice>
      </Show>
      <DryRunPanel operation={operation()} />
      <div class="columns columns-operation">
        <div class="column-steps">
          <Panel title="Steps">
            <Timeline tasks={operation().tasks} isWaiting={!isOver(operation().state)} showLog={showLog} />
          </Panel>
          <Show when={operation().children.length > 0}>
            <Panel title="Nested Operations">
              <OperationTable items={operation().children} withoutSubject />
            </Panel>
          </Show>
        </div>
        <LogView operation={operation()} stream={stream} shown={shownTask()} />
        <div class="column-more">
          <Panel title="More">
            <HeldLocks operation={operation()} />
            <Show when={Object.keys(operation().input).length > 0}>
              <Fold title="What was entered">
                <Structure value={operation().input} />
              </Fold>
            </Show>
            <Engine id={operation().id} />
            <p class="small">
              <OpenLink href={operation().console}>Open in the Temporal console</OpenLink>
            </p>
          </Panel>
        </div>
      </div>
    </Page>
  );
}

/** What it asks, once it has stopped, says the rest. */
function isBeingCancelled({ cancelRequestedBy, state }: OperationView): boolean {
  return cancelRequestedBy !== '' && (state === 'queued' || state === 'running' || state === 'undoing');
}

/** The form of the same type, filled in with what was entered here. */
function RunAgain(props: { operation: OperationView }) {
  const definitions = useDefinitions();
  const may = useMay();
  const path = () => {
    const { id, type, subject } = props.operation;
    return `/${definitions()[subject.kind].plural}/${subject.id}/run/${type}?again=${id}`;
  };
  return (
    <Show when={may('run') && isOver(props.operation.state) && props.operation.parent === null}>
      <A class="button" href={path()}>
        Run again
      </A>
    </Show>
  );
}

function Lead(props: { operation: OperationView }) {
  const operation = () => props.operation;
  return (
    <>
      <p>
        On <SubjectLink subject={operation().subject} />, started by {operation().startedBy}{' '}
        <When at={operation().startedAt ?? operation().createdAt} />
        <Show when={operation().startedAt}>
          , {isOver(operation().state) ? 'took' : 'for'}{' '}
          <Duration from={operation().startedAt} to={operation().endedAt} live={!isOver(operation().state)} />
        </Show>
        <Show when={operation().attempt > 1}>, attempt {operation().attempt}</Show>.
        <For each={operation().parent ? [operation().parent] : []}>
          {parent => (
            <>
              {' '}
              Part of <A href={`/operations/${parent}`}>another Operation</A>.
            </>
          )}
        </For>
      </p>
      <Show when={operation().reason}>
        <p>Reason: {operation().reason}</p>
      </Show>
    </>
  );
}
