// The value of a field, shown as its spec says: references as links, addresses to open, structures as tables.

import { A } from '@solidjs/router';
import { For, type JSX, Match, Show, Switch } from 'solid-js';
import { type FieldSpec, isSecretReference } from '../../model/fields.ts';
import { sizeWords } from '../../model/size-words.ts';
import { useDefinitions } from '../app/session.tsx';
import { Fold } from '../parts/fold.tsx';
import { When } from '../parts/when.tsx';
import { counted, inWords, shortHash } from '../text/words.ts';

interface FieldValueProps {
  spec: FieldSpec;
  value: unknown;
  /** Name of the referenced entity, where known. */
  name?: string | undefined;
}

export function FieldValue(props: FieldValueProps): JSX.Element {
  const definitions = useDefinitions();
  const text = () => String(props.value);
  const isEmpty = () => props.value === null || props.value === undefined || props.value === '';
  return (
    <Switch
      fallback={<span class="value">{typeof props.value === 'object' ? JSON.stringify(props.value) : text()}</span>}
    >
      <Match when={props.spec.secret}>
        <span class={isEmpty() ? 'faint' : ''}>{isEmpty() ? 'not set' : 'set, never shown'}</span>
      </Match>
      <Match when={isEmpty()}>
        <span class="faint">–</span>
      </Match>
      <Match when={isSecretReference(props.value)}>set, never shown</Match>
      <Match when={props.spec.to}>
        {kind => <A href={`/${definitions()[kind()].plural}/${text()}`}>{props.name ?? text()}</A>}
      </Match>
      <Match when={typeof props.value === 'boolean'}>{props.value ? 'yes' : 'no'}</Match>
      <Match when={props.spec.name === 'bytes'}>
        <span title={text()}>{sizeWords(Number(props.value))}</span>
      </Match>
      <Match when={isTime(props.value)}>
        <When at={text()} />
      </Match>
      <Match when={props.spec.format === 'git_hash'}>
        <code title={text()}>{shortHash(text())}</code>
      </Match>
      <Match when={props.spec.format === 'text'}>
        <pre class="long-value">{text()}</pre>
      </Match>
      <Match when={isWebAddress(props.value)}>
        <OpenLink href={text()} />
      </Match>
      <Match when={Array.isArray(props.value) && props.value}>{list => <ListValue items={list()} />}</Match>
      <Match when={typeof props.value === 'object'}>
        <Structure value={props.value} />
      </Match>
    </Switch>
  );
}

export function OpenLink(props: { href: string; children?: JSX.Element }) {
  return (
    <a href={props.href} target="_blank" rel="noreferrer" class="open-link">
      {props.children ?? props.href}
      <span class="hidden"> (opens in a new tab)</span>
    </a>
  );
}

function isWebAddress(value: unknown): boolean {
  return typeof value === 'string' && /^https?:\/\//.test(value);
}

function isTime(value: unknown): boolean {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value);
}

/** Long lists (the branches of a repository) show their first part. */
const shownEntries = 12;

function ListValue(props: { items: unknown[] }) {
  return (
    <Show when={props.items.length > 0} fallback={<span class="faint">none</span>}>
      <ul class="value-list">
        <For each={props.items.slice(0, shownEntries)}>
          {item => (
            <li>
              <Structure value={item} />
            </li>
          )}
        </For>
      </ul>
      <Show when={props.items.length > shownEntries}>
        <span class="faint">and {props.items.length - shownEntries} more</span>
      </Show>
    </Show>
  );
}

/** Certificates, outputs of programs: more lines than fit beside other values. */
const longText = 4;

const linesOf = (value: unknown) => (typeof value === 'string' ? value.trimEnd().split('\n').length : 0);

const sizeEnd = /_bytes$/;

function isSize(name: string, value: unknown): value is number {
  return sizeEnd.test(name) && typeof value === 'number';
}

/** Anything that came from a tool: objects as terms and values, to any depth. */
export function Structure(props: { value: unknown }): JSX.Element {
  const entries = () => Object.entries(props.value as Record<string, unknown>);
  return (
    <Switch fallback={<span class="value">{String(props.value)}</span>}>
      <Match when={props.value === null || props.value === undefined}>
        <span class="faint">–</span>
      </Match>
      <Match when={isSecretReference(props.value)}>
        <span class="faint">a secret, never shown</span>
      </Match>
      <Match when={linesOf(props.value) > longText}>
        <Fold title={counted(linesOf(props.value), 'line')}>
          <pre class="long-value">{String(props.value)}</pre>
        </Fold>
      </Match>
      <Match when={Array.isArray(props.value) && props.value}>{list => <ListValue items={list()} />}</Match>
      <Match when={typeof props.value === 'object'}>
        <dl class="structure">
          <For each={entries()}>
            {([name, value]) => (
              <div>
                <dt>{inWords(isSize(name, value) ? name.replace(sizeEnd, '') : name)}</dt>
                <dd>
                  <Structure value={isSize(name, value) ? sizeWords(value) : value} />
                </dd>
              </div>
            )}
          </For>
        </dl>
      </Match>
    </Switch>
  );
}
