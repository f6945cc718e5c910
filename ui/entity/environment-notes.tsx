// What is special about an Environment: its site's names, and that a Server without root isolates nothing.

import { A } from '@solidjs/router';
import { For, Show } from 'solid-js';
import type { EntityView } from '../../api/contract.ts';
import { useEntity } from '../api/queries.ts';
import { Notice } from '../parts/notice.tsx';
import { OpenLink } from './field-value.tsx';
import { OtherSide } from './other-side.tsx';

export function EnvironmentNotes(props: { entity: EntityView }) {
  const serverId = () => {
    const id = props.entity.values.web_server;
    return typeof id === 'string' ? id : undefined;
  };
  const server = useEntity(() => 'servers', serverId);
  const isUnprivileged = () => server.data?.values.unprivileged === true;
  return (
    <>
      <SiteNames entity={props.entity} />
      <OtherSide entity={props.entity} />
      <Show when={props.entity.update}>
        {update => (
          <Notice tone="info" title="Update available">
            The current Release of its Project is <A href={`/releases/${update().id}`}>{update().name}</A>; this
            Environment has {props.entity.references.release?.name ?? 'another one'}.{' '}
            <A href={`/environments/${props.entity.id}/run/update_environment`}>Update to it</A>
          </Notice>
        )}
      </Show>
      <Show when={isUnprivileged()}>
        <Notice tone="warn" title="No isolation between Environments">
          Its Server <A href={`/servers/${serverId()}`}>{props.entity.references.web_server?.name ?? 'web server'}</A>{' '}
          works without root: all its Environments run as the same user and can read each other’s files.
        </Notice>
      </Show>
    </>
  );
}

function SiteNames(props: { entity: EntityView }) {
  const url = () => (typeof props.entity.values.url === 'string' ? props.entity.values.url : '');
  const primary = () => String(props.entity.values.primary_name ?? '');
  const aliases = () => (Array.isArray(props.entity.values.aliases) ? props.entity.values.aliases.map(String) : []);
  const isOpen = () => url() !== '' && props.entity.state === 'enabled';
  return (
    <p class="site-names">
      <Show when={isOpen()} fallback={<span class="site-name">{primary()}</span>}>
        <OpenLink href={url()}>
          <span class="site-name">{url()}</span>
        </OpenLink>
      </Show>
      <For each={aliases()}>{alias => <span class="faint"> {alias}</span>}</For>
      <Show when={!isOpen()}>
        <span class="faint"> is not served: the Environment is {props.entity.state}.</span>
      </Show>
    </p>
  );
}
