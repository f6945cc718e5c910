// The web server's configuration of an Environment as it is on the Server: its parts, whose template each is made of, and a
// way to override it.

import { createMemo, createSignal, For, Show } from 'solid-js';
import type { EntityView } from '../../api/contract.ts';
import { useMay } from '../app/session.tsx';
import { Fold } from '../parts/fold.tsx';
import { Panel } from '../parts/page.tsx';
import { TemplateEditor } from './overrides.tsx';

interface Part {
  /** File name of the template. */
  name: string;
  from: string;
  text: string;
}

interface Configuration {
  path: string;
  taskType: string;
  /** The first is the whole file, by the template that puts the others together. */
  parts: Part[];
}

export function WebConfiguration(props: { entity: EntityView }) {
  const configuration = createMemo(() => configurationOf(props.entity.values.vhost));
  return (
    <Show when={configuration()}>
      {shown => (
        <Panel title="Web server configuration">
          <div>
            <For each={shown().parts}>
              {(part, at) => (
                <PartFold
                  title={at() === 0 ? 'The whole file' : ''}
                  part={part}
                  taskType={shown().taskType}
                  environment={props.entity.id}
                />
              )}
            </For>
          </div>
          <p class="faint small path">
            <code>{shown().path}</code>, as the last Operation wrote it. An override takes effect with the next
            “Install”.
          </p>
        </Panel>
      )}
    </Show>
  );
}

function PartFold(props: { title: string; part: Part; taskType: string; environment: string }) {
  const may = useMay();
  const [editing, setEditing] = createSignal(false);
  return (
    <Fold
      title={
        <>
          {props.title} <code>{props.part.name}</code> <span class="faint small">{props.part.from}</span>
        </>
      }
    >
      <Show when={props.part.text.trim()} fallback={<p class="faint">Nothing for this site.</p>}>
        <pre class="code">{props.part.text.trim()}</pre>
      </Show>
      <Show when={may('edit_code')}>
        <Show
          when={editing()}
          fallback={
            <div class="form-actions">
              <button type="button" class="button" onClick={() => setEditing(true)}>
                Override for this Environment
              </button>
            </div>
          }
        >
          <TemplateEditor
            plural="environments"
            id={props.environment}
            taskType={props.taskType}
            template={props.part.name}
          />
        </Show>
      </Show>
    </Fold>
  );
}

/** Written by roles that may be somebody else's: only what has the form is shown. */
function configurationOf(value: unknown): Configuration | null {
  if (typeof value !== 'object' || value === null) return null;
  const { path, task_type, parts } = value as Record<string, unknown>;
  if (typeof path !== 'string') return null;
  return {
    path,
    taskType: String(task_type ?? ''),
    parts: Array.isArray(parts) ? parts.filter(isPart) : [],
  };
}

function isPart(value: unknown): value is Part {
  const part = value as Partial<Record<keyof Part, unknown>> | null;
  return typeof part?.name === 'string' && typeof part.from === 'string' && typeof part.text === 'string';
}
