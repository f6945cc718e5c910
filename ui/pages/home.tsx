// What runs now, what failed lately, the Environments; on an empty Aegir, the first steps.

import { A } from '@solidjs/router';
import { For, Show } from 'solid-js';
import type { EntityKind } from '../../model/entities.ts';
import { useEntities, useOperations, useScheduleEntries } from '../api/queries.ts';
import { useDefinitions } from '../app/session.tsx';
import { EntityTable } from '../entity/entity-table.tsx';
import { EntryTable } from '../entity/schedule-times.tsx';
import { OperationTable } from '../operation/operation-table.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Page, Panel } from '../parts/page.tsx';

// Lists of this length fit on one screen together; the whole is a link away.
const shownHere = 8;

export function HomePage() {
  return (
    <Page title="Home">
      <FirstSteps />
      <OperationsPanel title="Needs attention" state="needs_attention" none="" />
      <OperationsPanel title="Running now" state="running" none="Nothing runs now." />
      <OperationsPanel title="Waiting" state="queued" none="" />
      <Upcoming />
      <OperationsPanel title="Failed lately" state="failed" none="Nothing has failed." />
      <Environments />
    </Page>
  );
}

function OperationsPanel(props: { title: string; state: string; none: string }) {
  const answer = useOperations(() => ({ state: props.state, limit: shownHere }));
  const items = () => (answer.data?.pages[0]?.items ?? []).slice(0, shownHere);
  return (
    <Show when={props.none !== '' || items().length > 0}>
      <Panel title={props.title} aside={<A href={`/operations?state=${props.state}`}>All</A>}>
        <Loaded answer={answer}>
          {() => (
            <Show when={items().length > 0} fallback={<p class="faint">{props.none}</p>}>
              <OperationTable items={items()} />
            </Show>
          )}
        </Loaded>
      </Panel>
    </Show>
  );
}

/** What runs by itself next; nothing where there are no Schedules. */
function Upcoming() {
  const answer = useScheduleEntries(() => ({ limit: shownHere }));
  const items = () => (answer.data?.pages[0]?.items ?? []).slice(0, shownHere);
  return (
    <Show when={items().length > 0}>
      <Panel title="Comes next" aside={<A href="/schedules">Schedules</A>}>
        <EntryTable items={items()} of="both" />
      </Panel>
    </Show>
  );
}

function Environments() {
  const definitions = useDefinitions();
  const answer = useEntities(
    () => definitions().environment.plural,
    () => ({ limit: shownHere }),
  );
  const items = () => (answer.data?.pages[0]?.items ?? []).slice(0, shownHere);
  return (
    <Panel title="Environments" aside={<A href="/environments">All</A>}>
      <Loaded answer={answer}>
        {() => (
          <Show when={items().length > 0} fallback={<p class="faint">There is no Environment yet.</p>}>
            <EntityTable definition={definitions().environment} items={items()} />
          </Show>
        )}
      </Loaded>
    </Panel>
  );
}

const steps: { kind: EntityKind; text: string }[] = [
  { kind: 'cluster', text: 'Add a Cluster: where Environments run.' },
  { kind: 'server', text: 'Add a Server to it, then run “Verify” and “Prepare” on its page.' },
  { kind: 'project', text: 'Add a Project: the git repository of your code.' },
  { kind: 'release', text: 'Add a Release: a branch, tag or commit of it, and run “Build”.' },
  { kind: 'environment', text: 'Add an Environment with a name for the site, and run “Install”.' },
];

/** Shown until each kind has its first entity. */
function FirstSteps() {
  const definitions = useDefinitions();
  const answers = steps.map(step => ({
    ...step,
    answer: useEntities(
      () => definitions()[step.kind].plural,
      () => ({ limit: 1 }),
    ),
  }));
  const isDone = (index: number) => (answers[index]?.answer.data?.pages[0]?.items.length ?? 0) > 0;
  const isKnown = () => answers.every(one => one.answer.data !== undefined);
  const next = () => answers.findIndex((_, index) => !isDone(index));
  return (
    <Show when={isKnown() && next() !== -1}>
      <Panel title="First steps">
        <ol class="first-steps">
          <For each={answers}>
            {(step, index) => (
              <li classList={{ done: isDone(index()) }}>
                {step.text} <Show when={isDone(index())}>Done.</Show>
                <Show when={next() === index()}>
                  <A class="button button-primary button-small" href={`/${definitions()[step.kind].plural}/new`}>
                    Add {definitions()[step.kind].title}
                  </A>
                </Show>
              </li>
            )}
          </For>
        </ol>
      </Panel>
    </Show>
  );
}
