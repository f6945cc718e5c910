// Lets only those who are signed in to the pages.

import { useLocation } from '@solidjs/router';
import { ErrorBoundary, type JSX, Match, Show, Switch } from 'solid-js';
import type { SessionView } from '../../api/contract.ts';
import { useHealth } from '../api/health.ts';
import { useSessionQuery } from '../api/queries.ts';
import { FirstPassword, SignIn, SignInByLink } from '../pages/sign-in.tsx';
import { Loading } from '../parts/loaded.tsx';
import { ErrorNotice } from '../parts/notice.tsx';
import { Page } from '../parts/page.tsx';
import { AwayBar } from './away-bar.tsx';
import { Layout } from './layout.tsx';
import { isPutOff, putOff } from './put-off.ts';
import { SessionContext } from './session.tsx';

export function Gate(props: { children?: JSX.Element }) {
  const location = useLocation();
  const hasLink = () => location.pathname === '/sign-in' && Boolean(location.query.link);
  // The link signs in first; before, the answer would be "no".
  const session = useSessionQuery(() => !hasLink());
  useHealth();
  return (
    <Switch fallback={<Loading />}>
      <Match when={hasLink()}>
        <SignInByLink />
      </Match>
      <Match when={session.error && session.data === undefined}>
        <main class="gate">
          <div class="gate-box">
            <AwayBar />
            <ErrorNotice error={session.error} retry={() => session.refetch()} />
          </div>
        </main>
      </Match>
      <Match when={session.data === null}>
        <SignIn />
      </Match>
      <Match when={session.data}>
        {view => (
          <Show
            when={!view().needsPassword || isPutOff(view().user.id)}
            fallback={<FirstPassword session={view()} skip={() => putOff(view().user.id)} />}
          >
            <SignedIn session={view()}>{props.children}</SignedIn>
          </Show>
        )}
      </Match>
    </Switch>
  );
}

function SignedIn(props: { session: SessionView; children?: JSX.Element }) {
  const location = useLocation();
  return (
    <SessionContext.Provider value={() => props.session}>
      <Layout>
        {/* A page that breaks is left by going to another one. */}
        <Show when={location.pathname} keyed>
          <ErrorBoundary fallback={(error, reset) => <Broken error={error} reset={reset} />}>
            {props.children}
          </ErrorBoundary>
        </Show>
      </Layout>
    </SessionContext.Provider>
  );
}

function Broken(props: { error: unknown; reset: () => void }) {
  return (
    <Page title="This page broke">
      <ErrorNotice error={props.error} retry={props.reset} />
      <p class="faint">The mistake is in the page itself; what runs is not touched by it.</p>
    </Page>
  );
}
