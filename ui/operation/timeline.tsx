// The steps of an Operation in their order: what each is, how it went, how long it took, what went in and came out.

import { A } from '@solidjs/router';
import { For, type JSX, Show } from 'solid-js';
import type { TaskView } from '../../api/contract.ts';
import { isTaskOver, summaryOf } from '../../model/run.ts';
import { Structure } from '../entity/field-value.tsx';
import { StateBadge } from '../parts/badge.tsx';
import { Fold } from '../parts/fold.tsx';
import { Duration, When } from '../parts/when.tsx';
import { counted, shortHash, toneOf } from '../text/words.ts';

interface TimelineProps {
  tasks: TaskView[];
  isWaiting: boolean;
  /** Brings the log of a Task into sight. */
  showLog: (task: string) => void;
}

export function Timeline(props: TimelineProps) {
  return (
    <Show
      when={props.tasks.length > 0}
      fallback={<p class="faint">{props.isWaiting ? 'The steps appear when the run begins.' : 'It has no steps.'}</p>}
    >
      <ol class="timeline">
        <For each={props.tasks}>
          {(task, index) => (
            <>
              <For each={newHeadings(task, props.tasks[index() - 1])}>
                {heading => <li class={`timeline-heading depth-${Math.min(heading.depth, 4)}`}>{heading.title}</li>}
              </For>
              <Step task={task} showLog={props.showLog} />
            </>
          )}
        </For>
      </ol>
    </Show>
  );
}

/** Titles of nested Operations that begin with this step, and where the undo begins. */
function newHeadings(task: TaskView, before: TaskView | undefined): { title: string; depth: number }[] {
  if (task.undoes && !before?.undoes) return [{ title: 'Undo, the last step first', depth: 0 }];
  // Each says in what the step was nested that it takes back.
  if (task.undoes) return [];
  const headings = task.within.map((title, depth) => ({ title, depth }));
  const firstNew = headings.findIndex(({ title, depth }) => before?.within[depth] !== title);
  return firstNew === -1 ? [] : headings.slice(firstNew);
}

interface StepProps {
  task: TaskView;
  showLog: (task: string) => void;
}

function Step(props: StepProps) {
  const task = () => props.task;
  const isFailed = () => task().state === 'failed';
  const last = () => task().attempts.at(-1);
  const depth = () => (task().undoes ? 0 : Math.min(task().depth, 4));
  return (
    <li class={`step depth-${depth()} step-${toneOf(task().state)}`} data-step={task().step}>
      <div class="step-head">
        <div class="step-name">
          <span class="step-title" classList={{ 'step-undone': task().state === 'undone' }}>
            {task().title}
          </span>
          <StateBadge state={task().state} />
          <Show when={task().undoes && task().within.length > 0}>
            <span class="faint small">in “{task().within.join(' › ')}”</span>
          </Show>
          <Show when={task().skippedBy}>
            <span class="faint small">by {task().skippedBy}</span>
          </Show>
          <Show when={task().changed === false && task().state === 'succeeded'}>
            <span class="faint small">no change</span>
          </Show>
        </div>
        <span class="faint small">
          {/* Of the last attempt: what lies before it may have been a person who thinks. */}
          <Duration from={last()?.startedAt ?? null} to={last()?.endedAt ?? null} live={!isTaskOver(task().state)} />
        </span>
      </div>
      <Progress task={task()} />
      <Show when={summaryOf(task())}>{summary => <p class="step-message step-message-plain">{summary()}</p>}</Show>
      <Show when={messageOf(task())}>
        {message => (
          <p class="step-message" classList={{ 'step-message-plain': isTaskOver(task().state) && !isFailed() }}>
            {message()}
          </p>
        )}
      </Show>
      <Show when={task().attempts.length > 1}>
        <Attempts task={task()} />
      </Show>
      <Fold title="Details">
        <Details task={task()} />
        <Show when={task().attempts.length > 0}>
          <button type="button" class="button button-small" onClick={() => props.showLog(task().id)}>
            Show its log
          </button>
        </Show>
      </Fold>
    </li>
  );
}

/** Who skipped it stands beside its state. */
function messageOf({ state, message, skippedBy }: TaskView): string {
  // One that has failed and was undone still says why.
  if (state === 'succeeded') return '';
  return skippedBy ? message.replace(`Skipped by ${skippedBy}.`, '').trim() : message;
}

function Progress(props: { task: TaskView }) {
  return (
    <Show when={props.task.state === 'running' && props.task.progress}>
      {progress => (
        <div class="progress">
          <progress max="100" value={progress().percent} aria-label={`Progress of ${props.task.title}`} />
          <span class="small">
            {progress().percent} % {progress().label}
          </span>
        </div>
      )}
    </Show>
  );
}

function Attempts(props: { task: TaskView }) {
  return (
    <ul class="attempts small" aria-label={counted(props.task.attempts.length, 'attempt')}>
      <For each={props.task.attempts}>
        {attempt => (
          <li>
            Attempt {attempt.number} <StateBadge state={attempt.state} />{' '}
            <Duration from={attempt.startedAt} to={attempt.endedAt} live={!isTaskOver(attempt.state)} />
            <Show when={attempt.exitCode}> exit code {attempt.exitCode}</Show>
            {/* The last one's message is the step's own, which stands above. */}
            <Show when={attempt.message && !repeats(attempt.message, props.task.message)}> {attempt.message}</Show>
          </li>
        )}
      </For>
    </ul>
  );
}

/** An attempt that is tried again says so behind the same words. */
function repeats(message: string, shown: string): boolean {
  return shown !== '' && message.startsWith(shown);
}

function Details(props: { task: TaskView }) {
  const exitCode = () => props.task.attempts.at(-1)?.exitCode;
  return (
    <dl class="facts small">
      <Fact title="Task type">
        <A href={`/catalogue#${props.task.type}`}>{props.task.type}</A>{' '}
        <code class="faint" title={props.task.version}>
          {shortHash(props.task.version)}
        </code>
      </Fact>
      <Fact title="Runs on">{props.task.target || '–'}</Fact>
      <Fact title="Began">
        <When at={props.task.startedAt} />
      </Fact>
      <Fact title="Exit code">{exitCode() ?? '–'}</Fact>
      <Fact title="Inputs">
        <StructureOrNone value={props.task.inputs} />
      </Fact>
      <Fact title="Outputs">
        <StructureOrNone value={props.task.outputs} />
      </Fact>
      <Fact title="By hand">
        <code class="path">./aegir task reproduce {props.task.id}</code>
      </Fact>
    </dl>
  );
}

function Fact(props: { title: string; children: JSX.Element }) {
  return (
    <div class="fact">
      <dt>{props.title}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

function StructureOrNone(props: { value: Record<string, unknown> }) {
  return (
    <Show when={Object.keys(props.value).length > 0} fallback={<span class="faint">none</span>}>
      <Structure value={props.value} />
    </Show>
  );
}
