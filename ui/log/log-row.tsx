// The three sorts of rows of a log: a step, an Ansible task, a line.

import { For, Show } from 'solid-js';
import { StateBadge } from '../parts/badge.tsx';
import { durationWords } from '../text/time.ts';
import { linePieces } from './line-pieces.ts';
import type { Row } from './log-rows.ts';

type Toggle = (key: string, open: boolean) => void;

export function LineRow(props: { row: Extract<Row, { kind: 'line' }> }) {
  const pieces = () => linePieces(props.row.log, props.row.number);
  return (
    <div class="log-row log-line">
      <span class="log-number" aria-hidden="true">
        {props.row.number}
      </span>
      <span class="log-text">
        <For each={pieces()}>
          {piece => (piece.classes ? <span class={piece.classes}>{piece.text}</span> : piece.text)}
        </For>
      </span>
    </div>
  );
}

export function StepRow(props: { row: Extract<Row, { kind: 'step' }>; toggle: Toggle }) {
  const attempt = () => props.row.attempt;
  const isAgain = () => props.row.task.attempts.length > 1;
  return (
    <div class="log-row log-step">
      <button
        type="button"
        class="log-fold"
        aria-expanded={props.row.open}
        onClick={() => props.toggle(props.row.key, !props.row.open)}
      >
        <span class="log-arrow" aria-hidden="true" />
        <span class="log-step-title">{[...props.row.task.within, props.row.task.title].join(' › ')}</span>
        <Show when={isAgain()}>
          <span class="faint">attempt {attempt()?.number}</span>
        </Show>
        <StateBadge state={attempt()?.state ?? props.row.task.state} />
        <Show when={props.row.task.target}>
          <span class="faint">{props.row.task.target}</span>
        </Show>
      </button>
    </div>
  );
}

export function SectionRow(props: { row: Extract<Row, { kind: 'section' }>; toggle: Toggle }) {
  const section = () => props.row.section;
  const count = () => section().to - section().from;
  return (
    <div class="log-row log-section">
      <button
        type="button"
        class="log-fold"
        aria-expanded={props.row.open}
        onClick={() => props.toggle(props.row.key, !props.row.open)}
      >
        <span class="log-arrow" aria-hidden="true" />
        <span class="log-section-title">{props.row.title}</span>
        <Show when={section().status} fallback={<StateBadge state="running" />}>
          {status => <StateBadge state={status()} />}
        </Show>
        <span class="faint">
          {section().hosts.join(', ')}
          {section().durationMs !== null ? ` ${durationWords(section().durationMs ?? 0)}` : ''}
          {props.row.open ? '' : ` · ${count()} lines`}
        </span>
        <For each={section().notes}>{note => <span class="log-note">{note}</span>}</For>
      </button>
    </div>
  );
}
