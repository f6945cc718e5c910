// That an Environment has another side since a Move, where it is, and what can be done with it.

import { A } from '@solidjs/router';
import { Show } from 'solid-js';
import type { EntityView } from '../../api/contract.ts';
import { useEntities, useEntity } from '../api/queries.ts';
import { Notice } from '../parts/notice.tsx';

export function OtherSide(props: { entity: EntityView }) {
  const sides = useEntities(
    () => 'environments',
    () => ({ side_of: props.entity.id }),
    () => props.entity.state !== 'deleted',
  );
  const side = () => sides.data?.pages[0]?.items[0];
  return (
    <>
      <Show when={side()}>{found => <KeptSide id={found().id} base={`/environments/${props.entity.id}/run`} />}</Show>
      <Show when={props.entity.references.side_of}>
        {whole => (
          <Notice tone="info" title="Other side">
            This is the other side of the Environment <A href={`/environments/${whole().id}`}>{whole().name}</A>: what
            is done with it is done there.
          </Notice>
        )}
      </Show>
    </>
  );
}

function KeptSide(props: { id: string; base: string }) {
  const view = useEntity(
    () => 'environments',
    () => props.id,
  );
  const servers = () => {
    const { web_server, database_server } = view.data?.references ?? {};
    return [web_server, database_server].flatMap(server => (server ? [server.name] : [])).join(', ');
  };
  return (
    <Show when={view.data}>
      {found => (
        <Notice tone="info" title="Another side is kept">
          <Show
            when={found().state === 'disabled'}
            fallback={
              <>
                A Move is making, or has left, another side ({found().state}) on {servers()}.{' '}
              </>
            }
          >
            Before its last Move the site was on {servers()}; that <A href={`/environments/${props.id}`}>side</A> is
            kept. <A href={`${props.base}/move_back`}>Move back</A> or{' '}
          </Show>
          <A href={`${props.base}/retire_side`}>Retire it</A>.
        </Notice>
      )}
    </Show>
  );
}
