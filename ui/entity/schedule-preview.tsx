// What would come of the Schedule that is being filled in: its next times, its subjects, and the fields of its Operation.

import { keepPreviousData, useQuery } from '@tanstack/solid-query';
import { type Accessor, For, Show } from 'solid-js';
import type { SchedulePreview } from '../../api/contract-schedules.ts';
import type { FieldSpec } from '../../model/fields.ts';
import { call } from '../api/client.ts';
import { type Drafts, parseDrafts } from '../form/drafts.ts';
import { Notice } from '../parts/notice.tsx';
import { exactTime } from '../text/time.ts';

/** @param id of the Schedule, '' for a new one; null: it is none. */
export function useSchedulePreview(specs: Accessor<FieldSpec[]>, drafts: Drafts, id: Accessor<string | null>) {
  const wanted = () => ({ id: id() ?? '', values: parseDrafts(specs(), drafts).values });
  return useQuery(() => ({
    queryKey: ['schedule-preview', JSON.stringify(wanted())],
    queryFn: () => call<SchedulePreview>('/schedules/preview', { method: 'POST', body: wanted() }),
    enabled: id() !== null,
    placeholderData: keepPreviousData,
    // Time goes on.
    staleTime: 0,
  }));
}

type Answer = ReturnType<typeof useSchedulePreview>;

export function NextTimes(props: { answer: Answer }) {
  const problems = () =>
    (props.answer.data?.problems ?? []).filter(({ path }) => ['cron', 'every', 'time_zone'].includes(path));
  return (
    <Show when={props.answer.data}>
      {view => (
        <Show when={problems().length === 0} fallback={<Mistakes problems={problems()} />}>
          <Notice tone="info" title={`Next times${nameOf(view())}:`}>
            <ol class="plain-list">
              <For each={view().times}>
                {({ at, skipped }) => (
                  <li>
                    <time datetime={at}>{exactTime(at)}</time>
                    <Show when={skipped}>{why => <span class="faint"> – {why()}</span>}</Show>
                  </li>
                )}
              </For>
            </ol>
            <Show when={view().expression}>
              {expression => (
                <p class="faint small">
                  As <code>{expression()}</code>
                </p>
              )}
            </Show>
            <p class="small">{view().policy}</p>
          </Notice>
        </Show>
      )}
    </Show>
  );
}

const nameOf = ({ subjects }: SchedulePreview) => (subjects[0] ? ` on ${subjects[0].name}` : '');

export function ChosenSubjects(props: { answer: Answer }) {
  return (
    <Show when={props.answer.data?.problems.every(({ path }) => path !== 'operation_type') && props.answer.data}>
      {view => (
        <Notice tone={view().count > 0 ? 'info' : 'warn'} title={`It runs on ${view().count}:`}>
          <Show when={view().count > 0} fallback={<p>Nothing fits at present. What is added later will.</p>}>
            <p>
              {view()
                .subjects.map(({ name }) => name)
                .join(', ')}
              {view().count > view().subjects.length ? ' and so on.' : '.'}
            </p>
          </Show>
        </Notice>
      )}
    </Show>
  );
}

function Mistakes(props: { problems: { message: string }[] }) {
  return (
    <Notice tone="warn" title="It has no times yet:">
      <ul class="plain-list">
        <For each={props.problems}>{({ message }) => <li>{message}</li>}</For>
      </ul>
    </Notice>
  );
}
