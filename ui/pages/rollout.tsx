// One Rollout: where it stands, what can be said to it, what it is about, who has done what.

import { A, useNavigate, useParams, useSearchParams } from '@solidjs/router';
import { type Accessor, createSignal, For, Show } from 'solid-js';
import type { RolloutView } from '../../api/contract-rollouts.ts';
import { failuresOf, isRolloutOver, rolloutItemStates } from '../../model/rollout.ts';
import { call } from '../api/client.ts';
import { queryClient, useRollout, useRolloutItems } from '../api/queries.ts';
import { useMay } from '../app/session.tsx';
import { failureOf } from '../form/failure.ts';
import { SubjectLink } from '../operation/operation-table.tsx';
import { StateBadge } from '../parts/badge.tsx';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';
import { FilterSelect } from '../parts/filters.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { ShowMore } from '../parts/more.tsx';
import { Notice } from '../parts/notice.tsx';
import { Page, Panel } from '../parts/page.tsx';
import { Duration, When } from '../parts/when.tsx';
import { RolloutProgress } from '../rollout/rollout-table.tsx';
import { inWords } from '../text/words.ts';
import { NotFound } from './not-found.tsx';

export function RolloutPage() {
  const params = useParams<{ id: string }>();
  const answer = useRollout(() => params.id);
  return (
    <Loaded answer={answer} missing={<NotFound what="There is no such Rollout." />}>
      {rollout => <RolloutContent rollout={rollout} />}
    </Loaded>
  );
}

const tones = { paused: 'warn', waiting: 'warn', aborted: 'warn' } as const;

function RolloutContent(props: { rollout: Accessor<RolloutView> }) {
  const rollout = () => props.rollout();
  const tone = () => tones[rollout().state as keyof typeof tones] ?? 'info';
  return (
    <Page
      title={`Rollout: ${rollout().title}`}
      crumbs={[{ title: 'Rollouts', href: '/rollouts' }]}
      aside={<StateBadge state={rollout().state} />}
      actions={
        <a class="button" href={`/api/rollouts/${rollout().id}/report`} target="_blank" rel="noreferrer">
          Report
        </a>
      }
      lead={rollout().reason}
    >
      <Show when={rollout().message}>
        <Notice tone={tone()} title={rollout().message} />
      </Show>
      <Panel title="Where it stands">
        <RolloutProgress counts={rollout().counts} />
        <Facts rollout={rollout()} />
        <Commands rollout={rollout()} />
      </Panel>
      <Items id={rollout().id} />
      <Panel title="What was done">
        <ul class="plain-list">
          <For each={rollout().events}>
            {event => (
              <li>
                <When at={event.at} /> <strong>{event.actor}</strong>: {inWords(event.verb)}
                <span class="faint"> {String(event.after?.message ?? '')}</span>
              </li>
            )}
          </For>
        </ul>
      </Panel>
    </Page>
  );
}

function Facts(props: { rollout: RolloutView }) {
  const facts = (): [string, string][] => {
    const { wave, waves, settings, budget, input } = props.rollout;
    const { gate } = settings;
    const between = [
      gate.check && `check “${gate.check}”`,
      gate.minutes > 0 && `for ${gate.minutes} minutes`,
      gate.approval && 'approval by a person',
    ].filter(Boolean);
    const given = Object.entries(input).map(([name, value]) => `${name}: ${String(value)}`);
    return [
      ['Wave', `${Math.min(wave, waves)} of ${waves} (${settings.waves.join(', ')})`],
      ['At the same time', `${settings.atOnce}${settings.perServer ? `, ${settings.perServer} on one Server` : ''}`],
      ['Failures that it may have', `${budget}; ${failuresOf(props.rollout.counts)} so far`],
      ['One that fails', settings.onFailure],
      ['Between waves', between.join(', ') || 'nothing'],
      ['Given', given.join(', ') || '–'],
    ];
  };
  return (
    <dl class="facts">
      <For each={facts()}>
        {([name, value]) => (
          <div class="fact">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        )}
      </For>
    </dl>
  );
}

interface Asked {
  command: string;
  verb: string;
  words: string;
  harmless: boolean;
  /** Asks for it, too. */
  budget?: boolean;
}

function Commands(props: { rollout: RolloutView }) {
  const may = useMay();
  const navigate = useNavigate();
  const [asked, setAsked] = createSignal<Asked | null>(null);
  const [budget, setBudget] = createSignal('');
  const [reason, setReason] = createSignal('');
  const state = () => props.rollout.state;
  const failed = () => failuresOf(props.rollout.counts);
  const offers = (): Asked[] => {
    const all: [boolean, Asked][] = [
      [state() === 'waiting', { command: 'approve', verb: 'Approve', words: 'The next wave begins.', harmless: true }],
      [
        state() === 'running' || state() === 'waiting',
        {
          command: 'pause',
          verb: 'Pause',
          words: 'What runs comes to its end, nothing further begins.',
          harmless: true,
        },
      ],
      [
        state() === 'paused',
        { command: 'resume', verb: 'Resume', words: 'It goes on where it stands.', harmless: true, budget: true },
      ],
      [
        props.rollout.counts.failed > 0,
        {
          command: 'retry',
          verb: `Retry ${failed() === 1 ? 'the failed one' : `the ${failed()} failed`}`,
          words: 'Only what has failed is tried again.',
          harmless: true,
        },
      ],
      [
        !isRolloutOver(state()),
        {
          command: 'abort',
          verb: 'Abort',
          words: 'What has begun comes to its end, the rest is never begun.',
          harmless: false,
        },
      ],
      [
        state() !== 'running' &&
          state() !== 'waiting' &&
          props.rollout.takenBackBy !== null &&
          props.rollout.counts.succeeded > 0,
        {
          command: 'undo',
          verb: 'Undo',
          words: `“${props.rollout.takenBackBy}” is run on all ${props.rollout.counts.succeeded} that have succeeded, the last one first.`,
          harmless: false,
        },
      ],
    ];
    return all.flatMap(([isOffered, offer]) => (isOffered ? [offer] : []));
  };
  const run = async () => {
    const { command = '', budget: asksBudget } = asked() ?? {};
    const settings = asksBudget && budget() ? { budget: budget() } : {};
    const body = { reason: reason(), settings };
    const view = await call<RolloutView>(`/rollouts/${props.rollout.id}/${command}`, { method: 'POST', body });
    setAsked(null);
    await queryClient.invalidateQueries();
    if (view.id !== props.rollout.id) navigate(`/rollouts/${view.id}`);
  };
  return (
    <Show when={may('run')}>
      <div class="form-actions">
        <For each={offers()}>
          {offer => (
            <button
              type="button"
              class={`button ${offer.harmless ? '' : 'button-danger'}`}
              onClick={() => {
                setBudget('');
                setReason('');
                setAsked(offer);
              }}
            >
              {offer.verb}
            </button>
          )}
        </For>
      </div>
      <ConfirmDialog
        open={asked() !== null}
        title={`${asked()?.verb ?? ''}?`}
        verb={asked()?.verb ?? ''}
        harmless={asked()?.harmless ?? true}
        close={() => setAsked(null)}
        run={run}
      >
        <p>{asked()?.words}</p>
        <Show when={asked()?.budget}>
          <label class="field">
            <span>Failures that it may have (now {props.rollout.settings.budget}; empty: stays)</span>
            <input class="input" value={budget()} onInput={event => setBudget(event.currentTarget.value)} />
          </label>
        </Show>
        <label class="field">
          <span>Why, for the others</span>
          <input class="input" value={reason()} onInput={event => setReason(event.currentTarget.value)} />
        </label>
      </ConfirmDialog>
    </Show>
  );
}

function Items(props: { id: string }) {
  const [search, setSearch] = useSearchParams<Record<string, string>>();
  const [said, setSaid] = createSignal('');
  const may = useMay();
  const answer = useRolloutItems(
    () => props.id,
    () => ({ state: search.item }),
  );
  const remove = async (subject: string) => {
    try {
      await call(`/rollouts/${props.id}/remove`, { method: 'POST', body: { subjects: [subject] } });
      setSaid('');
      await queryClient.invalidateQueries();
    } catch (error) {
      setSaid(failureOf(error, []).text);
    }
  };
  return (
    <Panel
      title="The list"
      aside={
        <FilterSelect
          label="State"
          value={search.item ?? ''}
          options={rolloutItemStates.map(state => ({ value: state, title: inWords(state) }))}
          onChange={state => setSearch({ item: state || null })}
        />
      }
    >
      <p role="status" class="small">
        {said()}
      </p>
      <Loaded answer={answer}>
        {data => (
          <>
            <div class="table-frame">
              <table class="table">
                <thead>
                  <tr>
                    <th scope="col">On</th>
                    <th scope="col">Wave</th>
                    <th scope="col" class="col-state">
                      State
                    </th>
                    <th scope="col">Operation</th>
                    <th scope="col" class="col-duration">
                      Duration
                    </th>
                  </tr>
                </thead>
                <tbody>
                  <For each={data().pages.flatMap(page => page.items)}>
                    {item => (
                      <tr>
                        <td class="cell-main">
                          <SubjectLink subject={item.subject} />
                          <Show when={item.message}>
                            <p class="row-message">{item.message}</p>
                          </Show>
                        </td>
                        <td data-label="Wave">{item.wave}</td>
                        <td data-label="State">
                          <StateBadge state={item.state} />
                        </td>
                        <td data-label="Operation">
                          <Show
                            when={item.operation}
                            fallback={
                              <Show when={item.state === 'pending' && may('run')} fallback="–">
                                <button
                                  type="button"
                                  class="button button-small"
                                  onClick={() => remove(item.subject.id)}
                                >
                                  Take off
                                </button>
                              </Show>
                            }
                          >
                            {id => (
                              <A href={`/operations/${id()}`}>
                                {item.attempt > 1 ? `Attempt ${item.attempt}` : 'Open'}
                              </A>
                            )}
                          </Show>
                        </td>
                        <td data-label="Duration">
                          <Duration from={item.startedAt} to={item.endedAt} live={item.state === 'running'} />
                        </td>
                      </tr>
                    )}
                  </For>
                </tbody>
              </table>
            </div>
            <ShowMore answer={answer} />
          </>
        )}
      </Loaded>
    </Panel>
  );
}
