// What is special about an Environment: its site's names, and that a Server without root isolates nothing.

import { A } from '@solidjs/router';
import { For, Show } from 'solid-js';
import type { EntityView } from '../../api/contract.ts';
import { type CronView, cronResultWords } from '../../model/cron-run.ts';
import { useEntity } from '../api/queries.ts';
import { Notice } from '../parts/notice.tsx';
import { When } from '../parts/when.tsx';
import { durationWords } from '../text/time.ts';
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
      <ProvenBackup entity={props.entity} />
      <LastCron entity={props.entity} />
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

/** From which moment the site could certainly be brought back, and how long that would take. */
function ProvenBackup(props: { entity: EntityView }) {
  const proven = () => props.entity.proven ?? null;
  return (
    <Show when={!props.entity.values.throwaway_of} fallback={<ThrowawayNote entity={props.entity} />}>
      <p class="faint">
        <Show when={proven()} fallback="Last proven backup: never.">
          {proof => (
            <>
              Last proven backup: <A href={`/backups/${proof().backup}`}>made</A> <When at={proof().madeAt} />
              {proof().recoverySeconds === null ? '' : `, restored in ${durationWords(recoveryMs(proof()))}`}.
            </>
          )}
        </Show>
      </p>
    </Show>
  );
}

/** When it ran, for how long, what came of it, and why it was left out since. */
function LastCron(props: { entity: EntityView }) {
  return (
    <Show when={props.entity.cron}>
      {cron => (
        <Show
          when={cron().failures > 0}
          fallback={
            <p class="faint">
              <CronWords cron={cron()} />
            </p>
          }
        >
          <Notice tone="warn" title="Cron failed">
            <CronWords cron={cron()} />
          </Notice>
        </Show>
      )}
    </Show>
  );
}

function CronWords(props: { cron: CronView }) {
  return (
    <>
      Last run of cron: <When at={props.cron.at} none="never" />
      <Show when={props.cron.at}>
        , {durationWords((props.cron.seconds ?? 0) * 1000)}, {cronResultWords(props.cron)}. {props.cron.words}
      </Show>
      <Show when={props.cron.skippedAt}>
        {at => (
          <>
            {' '}
            Left out <When at={at()} />: {props.cron.skippedBecause}
          </>
        )}
      </Show>
    </>
  );
}

const recoveryMs = ({ recoverySeconds }: { recoverySeconds: number | null }) => (recoverySeconds ?? 0) * 1000;

function ThrowawayNote(props: { entity: EntityView }) {
  const whole = () => props.entity.references.throwaway_of;
  return (
    <Notice tone="info" title="There for one Operation only">
      A backup of <A href={`/environments/${whole()?.id}`}>{whole()?.name ?? 'an Environment'}</A> is tried in it. It is
      removed by itself.
    </Notice>
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
