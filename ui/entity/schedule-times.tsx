// The times of a Schedule on its subjects, or of all Schedules on one subject, and what became of them.

import { A } from '@solidjs/router';
import { createSignal, For, Show } from 'solid-js';
import type { RunNowView, ScheduledRunView, ScheduleEntryView } from '../../api/contract-schedules.ts';
import type { EntityKind } from '../../model/entities.ts';
import { call } from '../api/client.ts';
import { queryClient, useScheduledRuns, useScheduleEntries } from '../api/queries.ts';
import { useMay } from '../app/session.tsx';
import { failureOf } from '../form/failure.ts';
import { SubjectLink } from '../operation/operation-table.tsx';
import { StateBadge } from '../parts/badge.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { ShowMore } from '../parts/more.tsx';
import { Notice } from '../parts/notice.tsx';
import { Panel } from '../parts/page.tsx';
import { When } from '../parts/when.tsx';

/** Of a Schedule, on its page. */
export function ScheduleTimes(props: { id: string; paused: boolean; note: string }) {
  const entries = useScheduleEntries(() => ({ schedule: props.id }));
  const runs = useScheduledRuns(() => ({ schedule: props.id }));
  return (
    <>
      <Show when={props.paused}>
        <Notice tone="warn" title="This Schedule is paused.">
          <Show when={props.note}>
            <p>{props.note}</p>
          </Show>
        </Notice>
      </Show>
      <Panel title="Runs on" aside={<RunNow id={props.id} />}>
        <Loaded answer={entries}>
          {data => {
            const items = () => data().pages.flatMap(page => page.items);
            return (
              <Show when={items().length > 0} fallback={<p class="faint">Nothing fits at present.</p>}>
                <EntryTable items={items()} of="subject" />
                <ShowMore answer={entries} />
              </Show>
            );
          }}
        </Loaded>
      </Panel>
      <Panel title="What became of its times">
        <Loaded answer={runs}>
          {data => {
            const items = () => data().pages.flatMap(page => page.items);
            return (
              <Show when={items().length > 0} fallback={<p class="faint">None has come yet.</p>}>
                <RunTable items={items()} />
                <ShowMore answer={runs} />
              </Show>
            );
          }}
        </Loaded>
      </Panel>
    </>
  );
}

/** Of an Environment, a Server, …: nothing where no Schedule runs on it. */
export function SchedulesOf(props: { kind: EntityKind; id: string }) {
  const entries = useScheduleEntries(() => ({ subject: props.id }));
  const items = () => entries.data?.pages.flatMap(page => page.items) ?? [];
  return (
    <Show when={items().length > 0}>
      <Panel title="Runs by itself">
        <EntryTable items={items()} of="schedule" />
      </Panel>
    </Show>
  );
}

export function EntryTable(props: { items: ScheduleEntryView[]; of: 'subject' | 'schedule' | 'both' }) {
  return (
    <div class="table-frame">
      <table class="table">
        <thead>
          <tr>
            <Show when={props.of !== 'subject'}>
              <th scope="col">Schedule</th>
            </Show>
            <Show when={props.of !== 'schedule'}>
              <th scope="col">On</th>
            </Show>
            <th scope="col">Next</th>
            <th scope="col">Last time</th>
          </tr>
        </thead>
        <tbody>
          <For each={props.items}>
            {entry => (
              <tr>
                <Show when={props.of !== 'subject'}>
                  <td class="cell-main">
                    <A href={`/schedules/${entry.schedule.id}`}>{entry.schedule.name}</A>
                  </td>
                </Show>
                <Show when={props.of !== 'schedule'}>
                  <td data-label="On">
                    <SubjectLink subject={entry.subject} />
                  </td>
                </Show>
                <td data-label="Next">
                  <When at={entry.nextAt} none={entry.schedule.paused ? 'paused' : 'not yet known'} />
                  <Show when={entry.expression}>
                    {expression => (
                      <p class="faint small">
                        <code>{expression()}</code> {entry.zone}
                      </p>
                    )}
                  </Show>
                  <Show when={entry.mended}>
                    {mended => (
                      <p class="row-message">
                        {mended().what} Put right <When at={mended().at} />.
                      </p>
                    )}
                  </Show>
                </td>
                <td data-label="Last time">
                  <Show when={entry.last} fallback={<span class="faint">–</span>}>
                    {last => <Outcome outcome={last()} />}
                  </Show>
                </td>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </div>
  );
}

type Said = Pick<ScheduledRunView, 'dueAt' | 'state' | 'reason' | 'operation' | 'operationState'>;

function Outcome(props: { outcome: Said }) {
  return (
    <>
      <When at={props.outcome.dueAt} />{' '}
      <Show when={props.outcome.operation} fallback={<StateBadge state={props.outcome.state} />}>
        {id => (
          <A href={`/operations/${id()}`}>
            <StateBadge state={props.outcome.operationState ?? props.outcome.state} />
          </A>
        )}
      </Show>
      <Show when={props.outcome.reason}>
        <p class="row-message">{props.outcome.reason}</p>
      </Show>
    </>
  );
}

function RunTable(props: { items: ScheduledRunView[] }) {
  return (
    <div class="table-frame">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">On</th>
            <th scope="col">What became of it</th>
          </tr>
        </thead>
        <tbody>
          <For each={props.items}>
            {run => (
              <tr>
                <td class="cell-main">
                  <SubjectLink subject={run.subject} />
                </td>
                <td data-label="What became of it">
                  <Outcome outcome={run} />
                </td>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </div>
  );
}

/** On all of its subjects, by whoever presses it. */
function RunNow(props: { id: string }) {
  const may = useMay();
  const [said, setSaid] = createSignal('');
  const [busy, setBusy] = createSignal(false);
  const run = async () => {
    setBusy(true);
    try {
      const { started, refused } = await call<RunNowView>(`/schedules/${props.id}/run`, { method: 'POST', body: {} });
      const words = refused.map(({ subject, message }) => `${subject.name}: ${message}`);
      setSaid([`${started.length} started.`, ...words].join(' '));
      await queryClient.invalidateQueries();
    } catch (error) {
      setSaid(failureOf(error, []).text);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Show when={may('run')}>
      <span class="small" role="status">
        {said()}
      </span>{' '}
      <button type="button" class="button button-small" disabled={busy()} onClick={run}>
        Run now
      </button>
    </Show>
  );
}
