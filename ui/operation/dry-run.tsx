// What an Operation would change: the findings of a dry run, and its start by whoever is to approve the real one.

import { useNavigate } from '@solidjs/router';
import { createSignal, For, Show } from 'solid-js';
import type { DryRunView, OperationView } from '../../api/contract.ts';
import { differencesWords } from '../../model/drift.ts';
import { entities } from '../../model/entities.ts';
import { isOver } from '../../model/run.ts';
import { call } from '../api/client.ts';
import { useDryRun } from '../api/queries.ts';
import { useMay } from '../app/session.tsx';
import { Diff } from '../drift/diff.tsx';
import { failureOf } from '../form/failure.ts';
import { Fold } from '../parts/fold.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { Notice } from '../parts/notice.tsx';
import { Panel } from '../parts/page.tsx';

export function DryRunPanel(props: { operation: OperationView }) {
  const isShown = () => props.operation.isDryRun && isOver(props.operation.state);
  const answer = useDryRun(() => props.operation.id, isShown);
  return (
    <Show when={isShown()}>
      <Panel title="What it would change">
        <Loaded answer={answer}>{view => <Findings view={view()} />}</Loaded>
      </Panel>
    </Show>
  );
}

export function Findings(props: { view: DryRunView }) {
  const changing = () => props.view.steps.filter(({ differences }) => differences.length > 0);
  return (
    <>
      <Show when={changing().length === 0}>
        <p>Nothing of what could be compared.</p>
      </Show>
      <For each={changing()}>
        {({ title, differences }) => (
          <section>
            <h3>
              {title} <span class="faint small">{differencesWords(differences.length)}</span>
            </h3>
            <div class="differences">
              <For each={differences}>
                {({ task, resource, text, left }) => (
                  <Fold
                    title={
                      <>
                        <code>{resource || task}</code>{' '}
                        <Show when={resource}>{<span class="faint small">{task}</span>}</Show>
                      </>
                    }
                  >
                    <Show when={text} fallback={<p class="faint">The tool says no more about it.</p>}>
                      <Diff text={text} leftOut={left} label={`Differences of ${resource || task}`} />
                    </Show>
                  </Fold>
                )}
              </For>
            </div>
          </section>
        )}
      </For>
      <Show when={props.view.notCompared.length > 0}>
        <Notice tone="info" title="Not known before it is done">
          <ul>
            <For each={props.view.notCompared}>
              {({ title, reason }) => (
                <li>
                  {title}: {reason}
                </li>
              )}
            </For>
          </ul>
        </Notice>
      </Show>
    </>
  );
}

/** With the same inputs; of the whole, also where a part of it asks. */
export function DryRunButton(props: { operation: OperationView }) {
  const may = useMay();
  const navigate = useNavigate();
  const [refused, setRefused] = createSignal('');
  const start = async () => {
    const { id, type, input, subject } = props.operation;
    const body = { type, input, dryRun: true, reason: `To decide about ${id}` };
    try {
      const path = `/${entities[subject.kind].plural}/${subject.id}/operations`;
      const operation = await call<OperationView>(path, { method: 'POST', body });
      navigate(`/operations/${operation.id}`);
    } catch (error) {
      const { text, problems } = failureOf(error, ['input']);
      setRefused([text, ...problems.map(({ message }) => message)].join(' '));
    }
  };
  return (
    <Show when={may('run')}>
      <p>
        <button type="button" class="button button-small" onClick={() => void start()}>
          Dry run
        </button>{' '}
        <span class="faint small">{refused() || 'shows what it would change, and does nothing.'}</span>
      </p>
    </Show>
  );
}
