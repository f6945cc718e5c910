// The log as it arrives. Only the rows in sight are in the page: every row has the same height, so a log of 50,000 lines
// scrolls like one of 50. Long lines scroll sideways.

import { createEffect, createMemo, createSignal, For, Match, on, onCleanup, onMount, Show, Switch } from 'solid-js';
import type { OperationView } from '../../api/contract.ts';
import { isOver } from '../../model/run.ts';
import type { OperationStream } from '../operation/operation-stream.ts';
import { counted } from '../text/words.ts';
import { LineRow, SectionRow, StepRow } from './log-row.tsx';
import { planRows, type Row, rowsBetween } from './log-rows.ts';

/** As --log-row in log.css. */
const rowHeightPx = 20;
// Rows beyond the edges, so that scrolling shows no white before the next frame.
const spareRows = 20;

/** Asked for anew with each object, also for the same Task. */
export interface ShownTask {
  id: string;
}

interface LogViewProps {
  operation: OperationView;
  stream: OperationStream;
  /** Task whose log is wanted in sight. */
  shown: ShownTask | null;
}

export function LogView(props: LogViewProps) {
  const [chosen, setChosen] = createSignal<ReadonlyMap<string, boolean>>(new Map());
  const [follow, setFollow] = createSignal(!isOver(props.operation.state));
  const [scroll, setScroll] = createSignal({ top: 0, height: 400 });
  let box: HTMLDivElement | undefined;

  const plan = createMemo(() => {
    props.stream.version();
    const folds = chosen();
    return planRows(props.operation.tasks, props.stream.book, (key, byItself) => folds.get(key) ?? byItself);
  });
  const windowStart = () => Math.max(0, Math.floor(scroll().top / rowHeightPx) - spareRows);
  const rows = createMemo(() => {
    const end = windowStart() + Math.ceil(scroll().height / rowHeightPx) + 2 * spareRows;
    return new Map(rowsBetween(plan(), windowStart(), end).map(row => [row.key, row]));
  });
  const longest = () => {
    props.stream.version();
    return props.stream.book.longest;
  };

  const measure = () => {
    if (!box) return;
    const before = scroll().top;
    setScroll({ top: box.scrollTop, height: box.clientHeight });
    const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - rowHeightPx;
    if (box.scrollTop < before && !isAtEnd) setFollow(false);
    else if (box.scrollTop > before && isAtEnd && !isOver(props.operation.state)) setFollow(true);
  };
  const toEnd = () => {
    if (box && follow()) box.scrollTop = box.scrollHeight;
  };
  createEffect(on([() => plan().size, follow], () => requestAnimationFrame(toEnd)));
  onMount(() => {
    const observer = new ResizeObserver(measure);
    if (box) observer.observe(box);
    onCleanup(() => observer.disconnect());
  });

  const showTask = ({ id }: ShownTask) => {
    const attempt = props.operation.tasks.find(task => task.id === id)?.attempts.at(-1);
    if (!attempt) return;
    setFollow(false);
    toggle(attempt.id, true);
    requestAnimationFrame(() => {
      const at = plan().blocks.find(({ key }) => key === attempt.id)?.at ?? 0;
      if (box) box.scrollTop = at * rowHeightPx;
      box?.focus({ preventScroll: true });
      box?.scrollIntoView({ block: 'nearest' });
    });
  };
  createEffect(on([() => props.shown], ([shown]) => shown && showTask(shown), { defer: true }));

  const toggle = (key: string, open: boolean) => setChosen(before => new Map(before).set(key, open));
  const setAll = (open: boolean) => setChosen(allFolds(props, open));

  return (
    <section class="log-panel" aria-label="Log">
      <LogToolbar {...props} follow={follow()} setFollow={setFollow} setAll={setAll} />
      <div class="log" ref={box} tabindex="0" role="log" aria-label="Log lines" aria-live="off" onScroll={measure}>
        <Show when={plan().size > 0} fallback={<p class="log-empty">{emptyText(props.operation)}</p>}>
          <div
            class="log-space"
            style={{ height: `${plan().size * rowHeightPx}px`, 'min-width': `max(100%, ${longest() + 12}ch)` }}
          >
            <div class="log-window" style={{ transform: `translateY(${windowStart() * rowHeightPx}px)` }}>
              <For each={[...rows().keys()]}>{key => <AnyRow id={key} rows={rows()} toggle={toggle} />}</For>
            </div>
          </div>
        </Show>
      </div>
    </section>
  );
}

function emptyText(operation: OperationView): string {
  return isOver(operation.state)
    ? 'Nothing was run, so there is no log.'
    : 'No step has begun yet. Its lines appear here as they are printed.';
}

function allFolds(props: LogViewProps, open: boolean): ReadonlyMap<string, boolean> {
  const attempts = props.operation.tasks.flatMap(task => task.attempts.map(attempt => attempt.id));
  const sections = [...props.stream.book.attempts.values()].flatMap(log => log.sections.map(section => section.key));
  return new Map([...attempts, ...sections].map(key => [key, open]));
}

/** A row keeps its place in the page while it changes, so that neither focus nor selection is lost. */
function AnyRow(props: { id: string; rows: Map<string, Row>; toggle: (key: string, open: boolean) => void }) {
  const row = createMemo<Row | undefined>(before => props.rows.get(props.id) ?? before);
  const as = <Kind extends Row['kind']>(kind: Kind) => {
    const current = row();
    return current?.kind === kind ? (current as Extract<Row, { kind: Kind }>) : undefined;
  };
  return (
    <Switch>
      <Match when={as('line')}>{line => <LineRow row={line()} />}</Match>
      <Match when={as('section')}>{section => <SectionRow row={section()} toggle={props.toggle} />}</Match>
      <Match when={as('step')}>{step => <StepRow row={step()} toggle={props.toggle} />}</Match>
    </Switch>
  );
}

interface ToolbarProps extends LogViewProps {
  follow: boolean;
  setFollow: (follow: boolean) => void;
  setAll: (open: boolean) => void;
}

function LogToolbar(props: ToolbarProps) {
  const lines = () => {
    props.stream.version();
    return counted(props.stream.book.lineCount, 'line');
  };
  return (
    <header class="log-toolbar">
      <h2>Log</h2>
      <span class="faint small">{lines()}</span>
      <Show when={props.stream.isLost()}>
        <span class="log-lost" role="status">
          Connection lost, trying again …
        </span>
      </Show>
      <span class="spacer" />
      <label class="switch">
        <input
          type="checkbox"
          checked={props.follow}
          onChange={event => props.setFollow(event.currentTarget.checked)}
        />
        Follow
      </label>
      <button type="button" class="button button-small" onClick={() => props.setAll(true)}>
        Unfold all
      </button>
      <button type="button" class="button button-small" onClick={() => props.setAll(false)}>
        Fold all
      </button>
      <a
        class="button button-small"
        href={`/api/operations/${props.operation.id}/log?format=text`}
        download={`${props.operation.id}.log`}
      >
        Raw log
      </a>
    </header>
  );
}
