// Operations in rows.

import { A } from '@solidjs/router';
import { For, Show } from 'solid-js';
import type { OperationSummary } from '../../api/contract.ts';
import { isOver } from '../../model/run.ts';
import { useDefinitions } from '../app/session.tsx';
import { StateBadge } from '../parts/badge.tsx';
import { Duration, When } from '../parts/when.tsx';

interface OperationTableProps {
  items: OperationSummary[];
  /** On the page of the subject its name would be the same in every row. */
  withoutSubject?: boolean;
}

export function OperationTable(props: OperationTableProps) {
  return (
    <div class="table-frame">
      <table class="table table-operations">
        <thead>
          <tr>
            <th scope="col">Operation</th>
            <th scope="col" class="col-state">
              State
            </th>
            <Show when={!props.withoutSubject}>
              <th scope="col" class="col-on">
                On
              </th>
            </Show>
            <th scope="col" class="col-who">
              Started by
            </th>
            <th scope="col" class="col-when">
              When
            </th>
            <th scope="col" class="col-duration">
              Duration
            </th>
          </tr>
        </thead>
        <tbody>
          <For each={props.items}>
            {operation => <OperationRow operation={operation} withoutSubject={props.withoutSubject ?? false} />}
          </For>
        </tbody>
      </table>
    </div>
  );
}

function OperationRow(props: { operation: OperationSummary; withoutSubject: boolean }) {
  return (
    <tr>
      <td class="cell-main">
        <A href={`/operations/${props.operation.id}`}>{props.operation.title}</A>
        <Show when={props.operation.message && props.operation.state !== 'succeeded'}>
          <p class="row-message">{props.operation.message}</p>
        </Show>
      </td>
      <td data-label="State">
        <StateBadge state={props.operation.state} />
      </td>
      <Show when={!props.withoutSubject}>
        <td data-label="On">
          <SubjectLink subject={props.operation.subject} />
        </td>
      </Show>
      <td data-label="Started by">{props.operation.startedBy}</td>
      <td data-label="When">
        <When at={props.operation.startedAt ?? props.operation.createdAt} />
      </td>
      <td data-label="Duration">
        <Duration from={props.operation.startedAt} to={props.operation.endedAt} live={!isOver(props.operation.state)} />
      </td>
    </tr>
  );
}

export function SubjectLink(props: { subject: OperationSummary['subject'] }) {
  const definitions = useDefinitions();
  const definition = () => definitions()[props.subject.kind];
  return (
    <span class="subject">
      <A href={`/${definition().plural}/${props.subject.id}`}>{props.subject.name}</A>{' '}
      <span class="faint small">{definition().title}</span>
    </span>
  );
}
