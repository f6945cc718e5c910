// The catalogue: Operation types, Task types and Application types, and the mistakes of those that were refused.

import { useLocation } from '@solidjs/router';
import { createEffect, For, type JSX, Show } from 'solid-js';
import type { CatalogueView } from '../../api/contract.ts';
import type { FieldSpec } from '../../model/fields.ts';
import type { StepType } from '../../model/operation-type.ts';
import { useCatalogue } from '../api/queries.ts';
import { Structure } from '../entity/field-value.tsx';
import { fieldLabel } from '../form/field-props.ts';
import { Loaded } from '../parts/loaded.tsx';
import { Notice } from '../parts/notice.tsx';
import { Page, Panel } from '../parts/page.tsx';
import { counted, shortHash } from '../text/words.ts';

export function CataloguePage() {
  const answer = useCatalogue();
  return (
    <Page title="Catalogue" lead={<p>Types are folders and files; what is put there appears without a restart.</p>}>
      <Loaded answer={answer}>{view => <Types view={view()} />}</Loaded>
    </Page>
  );
}

function Types(props: { view: CatalogueView }) {
  const location = useLocation();
  createEffect(() => {
    const name = location.hash.slice(1);
    const target = name ? document.getElementById(name) : null;
    target?.querySelector('details')?.setAttribute('open', '');
    target?.scrollIntoView({ block: 'center' });
  });
  return (
    <>
      <Mistakes problems={props.view.problems} />
      <Panel title="Operation types">
        <For each={byName(props.view.operationTypes)}>
          {type => (
            <TypeEntry
              {...type}
              aside={`on ${type.on}${type.dangerous ? ', dangerous' : ''}, ${type.minimumRole} and above`}
            >
              <p class="small">
                Steps: <Steps steps={type.steps} />
              </p>
              <Show when={type.when.length > 0}>
                <p class="small">Offered when {type.when.join(', ')}.</p>
              </Show>
              <Fields fields={type.fields} />
            </TypeEntry>
          )}
        </For>
      </Panel>
      <Panel title="Task types">
        <For each={byName(props.view.taskTypes)}>
          {type => (
            <TypeEntry
              {...type}
              aside={`${type.backends.join(', ')} on the ${type.target}${type.changes ? '' : ', only reads'}`}
            >
              <Fields fields={type.arguments} />
              <Show when={type.outputs.length > 0}>
                <p class="small">
                  Outputs:{' '}
                  {type.outputs.map(one => (one.sets ? `${one.name} (sets ${one.sets})` : one.name)).join(', ')}
                </p>
              </Show>
              <Show when={type.templates.length > 0}>
                <p class="small">Templates: {type.templates.join(', ')}</p>
              </Show>
            </TypeEntry>
          )}
        </For>
      </Panel>
      <Panel title="Application types">
        <For each={byName(props.view.applicationTypes)}>
          {type => (
            <TypeEntry
              {...type}
              aside={type.recognisedBy.length > 0 ? `recognised by ${type.recognisedBy.join(', ')}` : ''}
            >
              <p class="small">
                {Object.entries(type.verbs)
                  .map(([verb, task]) => `${verb}: ${task}`)
                  .join(', ')}
              </p>
              <p class="small">{needsOf(type)}</p>
              <Structure value={type.values} />
            </TypeEntry>
          )}
        </For>
      </Panel>
    </>
  );
}

function needsOf({ database, php }: CatalogueView['applicationTypes'][number]): string {
  const words = { required: 'a database', optional: 'a database when a Server for it is chosen', none: 'no database' };
  return `Uses ${words[database]}${php ? ' and PHP' : ''}.`;
}

function byName<T extends { name: string }>(types: T[]): T[] {
  return [...types].sort((a, b) => a.name.localeCompare(b.name));
}

function Mistakes(props: { problems: CatalogueView['problems'] }) {
  return (
    <Show when={props.problems.length > 0}>
      <Notice tone="bad" title={`${counted(props.problems.length, 'mistake')} in refused types; all others work.`}>
        <ul class="plain-list">
          <For each={props.problems}>
            {problem => (
              <li>
                <code class="path">
                  {problem.file}:{problem.line}
                </code>{' '}
                {problem.message}
              </li>
            )}
          </For>
        </ul>
      </Notice>
    </Show>
  );
}

interface TypeEntryProps {
  name: string;
  title: string;
  description: string;
  version: string;
  aside: string;
  children: JSX.Element;
}

function TypeEntry(props: TypeEntryProps) {
  return (
    <div class="type-entry" id={props.name}>
      <details class="fold">
        <summary>
          <strong>{props.title}</strong> <code>{props.name}</code> <span class="faint small">{props.aside}</span>
        </summary>
        <div class="fold-body">
          <p>{props.description}</p>
          {props.children}
          <p class="faint small">
            Version <code title={props.version}>{shortHash(props.version)}</code>
          </p>
        </div>
      </details>
    </div>
  );
}

function Steps(props: { steps: StepType[] }): JSX.Element {
  const title = (step: StepType) => step.title ?? step.task ?? step.operation ?? `(${step.id}: side by side)`;
  return <>{props.steps.map(title).join(' → ')}</>;
}

function Fields(props: { fields: FieldSpec[] }) {
  return (
    <Show when={props.fields.length > 0}>
      <dl class="facts small">
        <For each={props.fields}>
          {field => (
            <div class="fact">
              <dt>
                <code>{field.name}</code>
              </dt>
              <dd>
                {field.type}
                {field.required ? ', needed' : ''}
                <span class="faint"> {field.help ?? fieldLabel(field)}</span>
              </dd>
            </div>
          )}
        </For>
      </dl>
    </Show>
  );
}
