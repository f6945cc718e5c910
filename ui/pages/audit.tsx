// Who changed what, newest first.

import { A } from '@solidjs/router';
import { For, Show } from 'solid-js';
import type { AuditView } from '../../api/contract.ts';
import { useAudit } from '../api/queries.ts';
import { useDefinitions } from '../app/session.tsx';
import { Fold } from '../parts/fold.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { ShowMore } from '../parts/more.tsx';
import { Empty, Page } from '../parts/page.tsx';
import { When } from '../parts/when.tsx';
import { changedFields } from '../text/changes.ts';
import { counted, inWords } from '../text/words.ts';

export function AuditPage() {
  const answer = useAudit();
  return (
    <Page title="Audit" lead={<p>Every change of the model: who, what, before and after. Secrets are masked.</p>}>
      <Loaded answer={answer}>
        {data => (
          <Show
            when={(data().pages[0]?.items.length ?? 0) > 0}
            fallback={<Empty title="Nothing has been changed yet" />}
          >
            <div class="table-frame">
              <table class="table">
                <thead>
                  <tr>
                    <th scope="col">What</th>
                    <th scope="col">When</th>
                    <th scope="col">Who</th>
                    <th scope="col">Changes</th>
                  </tr>
                </thead>
                <tbody>
                  <For each={data().pages.flatMap(page => page.items)}>{entry => <AuditRow entry={entry} />}</For>
                </tbody>
              </table>
            </div>
            <ShowMore answer={answer} />
          </Show>
        )}
      </Loaded>
    </Page>
  );
}

function AuditRow(props: { entry: AuditView }) {
  const definitions = useDefinitions();
  const href = () => {
    if (props.entry.objectKind === 'operation') return `/operations/${props.entry.objectId}`;
    const definition = Object.values(definitions()).find(one => one.kind === props.entry.objectKind);
    return definition ? `/${definition.plural}/${props.entry.objectId}` : undefined;
  };
  const name = () => props.entry.objectName || props.entry.objectId;
  return (
    <tr>
      <td class="cell-main">
        {inWords(props.entry.verb)} <span class="faint">{inWords(props.entry.objectKind)}</span>{' '}
        <Show when={href()} fallback={name()}>
          {link => <A href={link()}>{name()}</A>}
        </Show>
      </td>
      <td data-label="When">
        <When at={props.entry.at} />
      </td>
      <td data-label="Who">
        {props.entry.actor}
        <Show when={props.entry.fromAddress}>
          <span class="faint small"> from {props.entry.fromAddress}</span>
        </Show>
      </td>
      <td data-label="Changes">
        <Changes entry={props.entry} />
      </td>
    </tr>
  );
}

function Changes(props: { entry: AuditView }) {
  const changes = () => changedFields(props.entry.before, props.entry.after);
  return (
    <Show when={changes().length > 0} fallback={<span class="faint">–</span>}>
      <Fold title={counted(changes().length, 'field')}>
        <dl class="facts small">
          <For each={changes()}>
            {change => (
              <div class="fact">
                <dt>{inWords(change.path)}</dt>
                <dd>
                  <Show when={change.before !== undefined}>
                    <del>{change.before}</del>{' '}
                  </Show>
                  <Show when={change.after !== undefined}>
                    <ins>{change.after}</ins>
                  </Show>
                </dd>
              </div>
            )}
          </For>
        </dl>
      </Fold>
    </Show>
  );
}
