// The frame around every page: where one can go, who one is, and whether the page is live.

import { A, useLocation } from '@solidjs/router';
import { createEffect, createSignal, For, type JSX, on, Show } from 'solid-js';
import { call } from '../api/client.ts';
import { useLiveUpdates } from '../api/live.ts';
import { queryClient, useNeeds, useOperationCount } from '../api/queries.ts';
import { AwayBar } from './away-bar.tsx';
import { useDefinitions, useMay, useSession } from './session.tsx';
import { setTheme, type Theme, theme, themes } from './theme.ts';

export function Layout(props: { children: JSX.Element }) {
  useLiveUpdates();
  const location = useLocation();
  const [open, setOpen] = createSignal(false);
  let content: HTMLElement | undefined;
  const arrive = () => {
    setOpen(false);
    // The keyboard and a screen reader go on at the new page, not at the link that led there.
    content?.focus({ preventScroll: true });
  };
  createEffect(on(() => location.pathname, arrive, { defer: true }));
  return (
    <div class="frame">
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="top">
        <A class="brand" href="/">
          Aegir
        </A>
        <AttentionLink />
        <button
          type="button"
          class="button menu-button"
          aria-expanded={open()}
          aria-controls="menu"
          onClick={() => setOpen(!open())}
        >
          Menu
        </button>
      </header>
      <aside class="side" classList={{ 'side-open': open() }} id="menu">
        <A class="brand side-brand" href="/">
          Aegir
        </A>
        <Navigation />
        <Account />
      </aside>
      <main class="content" id="content" tabindex="-1" ref={content}>
        <AwayBar />
        {props.children}
      </main>
    </div>
  );
}

function Navigation() {
  const definitions = useDefinitions();
  const may = useMay();
  // What is used daily stands on top: from the Environment down to what it needs.
  const kinds = () => Object.values(definitions()).reverse();
  return (
    <nav aria-label="Pages">
      <ul class="menu">
        <Item href="/" title="Home" end />
        <NeedsItem />
        <Item href="/operations" title="Operations" />
        <Item href="/rollouts" title="Rollouts" />
        <li>
          <AttentionLink />
        </li>
      </ul>
      <ul class="menu">
        <For each={kinds()}>{definition => <Item href={`/${definition.plural}`} title={definition.titlePlural} />}</For>
      </ul>
      <ul class="menu">
        <Item href="/catalogue" title="Catalogue" />
        <Show when={may('read')}>
          <Item href="/audit" title="Audit" />
        </Show>
        <Show when={may('administer')}>
          <Item href="/people" title="People" />
        </Show>
        <Item href="/tokens" title="Tokens" />
      </ul>
    </nav>
  );
}

/** How much waits for somebody. */
function NeedsItem() {
  const answer = useNeeds();
  const count = () => Object.values(answer.data?.totals ?? {}).reduce((sum, total) => sum + total, 0);
  return <Item href="/needs" title={`What needs somebody${count() > 0 ? ` (${count()})` : ''}`} />;
}

/** There only while somebody is asked. */
function AttentionLink() {
  const count = useOperationCount('needs_attention');
  return (
    <Show when={count()}>
      <a class="attention-link" href="/operations?state=needs_attention">
        Needs attention ({count()})
      </a>
    </Show>
  );
}

function Item(props: { href: string; title: string; end?: boolean }) {
  return (
    <li>
      <A href={props.href} end={props.end ?? false} activeClass="here" inactiveClass="">
        {props.title}
      </A>
    </li>
  );
}

function Account() {
  const session = useSession();
  const signOut = async () => {
    await call('/auth/sign-out', { method: 'POST', body: {} });
    queryClient.clear();
    window.location.assign('/');
  };
  return (
    <div class="account">
      <p class="account-name">
        <A href="/account">{session().user.name}</A>
        <span class="faint small">
          {session().role}, {session().organisation.name}
        </span>
      </p>
      <label class="theme">
        <span>Theme</span>
        <select class="input input-small" onChange={event => setTheme(event.currentTarget.value as Theme)}>
          <For each={themes}>
            {one => (
              <option value={one} selected={one === theme()}>
                {one}
              </option>
            )}
          </For>
        </select>
      </label>
      <a class="small" href={session().console} target="_blank" rel="noreferrer">
        Temporal console
      </a>
      <button type="button" class="button button-small" onClick={signOut}>
        Sign out
      </button>
    </div>
  );
}
