// Overrides of templates and manifests: what is set here, and an editor for engineers. An override is code: it is executed as
// written.

import { createSignal, createUniqueId, For, Show } from 'solid-js';
import type { OverrideView } from '../../api/contract.ts';
import type { EntityKind } from '../../model/entities.ts';
import { overridingKinds } from '../../model/overrides.ts';
import { call } from '../api/client.ts';
import { queryClient, useCatalogue, useOverrides, useTemplate } from '../api/queries.ts';
import { useMay } from '../app/session.tsx';
import { Fold } from '../parts/fold.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { ErrorNotice } from '../parts/notice.tsx';
import { Panel } from '../parts/page.tsx';
import { When } from '../parts/when.tsx';

export function hasOverrides(kind: EntityKind): boolean {
  return overridingKinds.some(each => each === kind);
}

interface OverridesProps {
  plural: string;
  id: string;
}

export function Overrides(props: OverridesProps) {
  const may = useMay();
  const answer = useOverrides(
    () => props.plural,
    () => props.id,
  );
  return (
    <Panel title="Overrides">
      <Loaded answer={answer}>
        {overrides => (
          <>
            <Show when={overrides().length === 0}>
              <p class="faint">
                None here: every template and manifest is the Task type’s own, or overridden at a wider scope.
              </p>
            </Show>
            <For each={overrides()}>{override => <Override {...props} override={override} />}</For>
            <Show when={may('edit_code')}>
              <Fold title="Override a template or manifest">
                <NewOverride {...props} taken={overrides()} />
              </Fold>
            </Show>
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function Override(props: OverridesProps & { override: OverrideView }) {
  const may = useMay();
  return (
    <Fold
      title={
        <>
          <code>
            {props.override.taskType}/{props.override.template}
          </code>{' '}
          <span class="faint small">
            version {props.override.version}, {props.override.changedBy}, <When at={props.override.changedAt} />
          </span>
        </>
      }
    >
      <Show when={may('edit_code')} fallback={<pre class="code">{props.override.text}</pre>}>
        <OverrideEditor
          {...props}
          taskType={props.override.taskType}
          template={props.override.template}
          text={props.override.text}
          exists
        />
      </Show>
    </Fold>
  );
}

function NewOverride(props: OverridesProps & { taken: OverrideView[] }) {
  const id = createUniqueId();
  const catalogue = useCatalogue();
  const [chosen, setChosen] = createSignal('');
  const templates = () =>
    (catalogue.data?.taskTypes ?? [])
      .flatMap(type =>
        type.templates.map(template => ({ taskType: type.name, template, key: `${type.name}/${template}` })),
      )
      .filter(one => !props.taken.some(other => other.taskType === one.taskType && other.template === one.template));
  return (
    <>
      <div class="field">
        <label for={id}>Template or manifest</label>
        <select id={id} class="input" onChange={event => setChosen(event.currentTarget.value)}>
          <option value="">Choose a template …</option>
          <For each={templates()}>{one => <option value={one.key}>{one.key}</option>}</For>
        </select>
      </div>
      <Show when={templates().find(one => one.key === chosen())} keyed>
        {one => <TemplateEditor plural={props.plural} id={props.id} taskType={one.taskType} template={one.template} />}
      </Show>
    </>
  );
}

interface TemplateProps extends OverridesProps {
  taskType: string;
  template: string;
}

/** Begins with the override that is there, else with the Task type's own text. */
export function TemplateEditor(props: TemplateProps) {
  const overrides = useOverrides(
    () => props.plural,
    () => props.id,
  );
  const own = useTemplate(
    () => props.taskType,
    () => props.template,
  );
  const found = (all: OverrideView[]) =>
    all.find(one => one.taskType === props.taskType && one.template === props.template);
  return (
    <Loaded answer={overrides}>
      {all => (
        <Loaded answer={own}>
          {template => (
            <OverrideEditor
              {...props}
              text={found(all())?.text ?? template().override}
              exists={found(all()) !== undefined}
            />
          )}
        </Loaded>
      )}
    </Loaded>
  );
}

interface EditorProps extends TemplateProps {
  text: string;
  exists?: boolean;
}

function OverrideEditor(props: EditorProps) {
  const id = createUniqueId();
  const [text, setText] = createSignal(props.text);
  const [error, setError] = createSignal<unknown>(null);
  // A Task type may have it no more: the override can still be removed.
  const own = useTemplate(
    () => props.taskType,
    () => props.template,
  );
  /** Of a manifest: what it is laid over. */
  const patched = () => (own.isSuccess && own.data.override !== own.data.text ? own.data.text : '');
  const put = async (next: string | null) => {
    setError(null);
    try {
      const path = `/${props.plural}/${props.id}/overrides/${encodeURIComponent(props.taskType)}/${encodeURIComponent(props.template)}`;
      await call(path, { method: 'PUT', body: { text: next } });
      await queryClient.invalidateQueries({ queryKey: ['overrides'] });
    } catch (cause) {
      setError(cause);
    }
  };
  return (
    <div class="field">
      <label for={id}>
        Text of <code>{props.template}</code>
      </label>
      <textarea
        id={id}
        class="input input-long input-code"
        rows={12}
        spellcheck={false}
        value={text()}
        onInput={event => setText(event.currentTarget.value)}
      />
      <p class="help">
        It is used from the next Operation on, executed as written, and every change is in the audit list.
        <Show when={patched()}>
          {' '}
          It is laid over the manifest as a patch: first that of the Organisation, then those of Cluster, Project and
          Environment. What is null is taken away.
        </Show>
      </p>
      <Show when={patched()}>
        {text => (
          <Fold title="The manifest as the Task type brings it">
            <pre class="code">{text()}</pre>
          </Fold>
        )}
      </Show>
      <Show when={error()}>
        <ErrorNotice error={error()} />
      </Show>
      <div class="form-actions">
        <button type="button" class="button button-primary" onClick={() => put(text())}>
          Save override
        </button>
        <Show when={props.exists}>
          <button type="button" class="button button-danger" onClick={() => put(null)}>
            Remove override
          </button>
        </Show>
      </div>
    </div>
  );
}
