// What an Action has answered: that its link was opened, what it found out, or why it failed. Never the link.

import { For, Match, Show, Switch } from 'solid-js';
import { ErrorNotice, Notice } from '../parts/notice.tsx';
import { When } from '../parts/when.tsx';
import type { Outcome } from './action-run.ts';
import { Structure } from './field-value.tsx';

type Of<Kind extends Outcome['kind']> = Extract<Outcome, { kind: Kind }>;

export function ActionOutcome(props: { title: string; outcome: Outcome; close: () => void }) {
  const as = <Kind extends Outcome['kind']>(kind: Kind) =>
    props.outcome.kind === kind ? (props.outcome as Of<Kind>) : undefined;
  return (
    <div class="action-outcome">
      <Switch>
        <Match when={as('opened')}>
          <Notice tone="good">{props.title}: opened in a new tab.</Notice>
        </Match>
        <Match when={as('blocked')}>
          <Notice tone="warn" title="The browser let no new tab be opened">
            Allow pop-up windows for this address, then try again. Nothing was done yet.
          </Notice>
        </Match>
        <Match when={as('failed')}>{failed => <Failed title={props.title} {...failed()} />}</Match>
        <Match when={as('refused')}>{refused => <ErrorNotice error={refused().error} />}</Match>
        <Match when={as('found')}>
          {found => <Found title={props.title} outputs={found().outputs} at={found().at} close={() => props.close()} />}
        </Match>
      </Switch>
    </div>
  );
}

function Failed(props: { title: string; message: string; lines: string[] }) {
  return (
    <Notice tone="bad" title={`${props.title} failed`}>
      <p>{props.message}</p>
      <Show when={props.lines.length > 0}>
        <pre class="long-value">{props.lines.join('\n')}</pre>
      </Show>
    </Notice>
  );
}

function Found(props: { title: string; outputs: Record<string, unknown>; at: string; close: () => void }) {
  // What is in a dict is what was asked for; its name says no more than the title.
  const values = () =>
    Object.entries(props.outputs).map(([name, value]) => (isDict(value) ? value : { [name]: value }));
  return (
    <section class="found" aria-label={props.title}>
      <header class="found-head">
        <h3>{props.title}</h3>
        <span class="faint small">
          <When at={props.at} />
        </span>
        <button type="button" class="button button-small" onClick={() => props.close()}>
          Close
        </button>
      </header>
      <Show when={values().length > 0} fallback={<p>Done.</p>}>
        <For each={values()}>{value => <Structure value={value} />}</For>
      </Show>
    </section>
  );
}

function isDict(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
