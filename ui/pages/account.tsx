// One's own account: password, second factor, and the browsers in which one is signed in.

import { A } from '@solidjs/router';
import { createSignal, For, Show } from 'solid-js';
import type { SessionEntryView } from '../../api/contract-people.ts';
import { leastPasswordLength } from '../../model/access.ts';
import { SecondFactor } from '../account/second-factor.tsx';
import { call } from '../api/client.ts';
import { queryClient, useSessions } from '../api/queries.ts';
import { useSession } from '../app/session.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { ErrorNotice, Notice } from '../parts/notice.tsx';
import { Empty, Page, Panel } from '../parts/page.tsx';
import { PlainField } from '../parts/plain-field.tsx';
import { When } from '../parts/when.tsx';
import { browserName } from '../text/browser-name.ts';

export function AccountPage() {
  const session = useSession();
  return (
    <Page
      title="Your account"
      lead={
        <p>
          {session().user.name}, {session().user.email}: {session().role} of {session().organisation.name}. Scripts sign
          in with <A href="/tokens">tokens</A>.
        </p>
      }
    >
      <Show when={!session().needsPassword}>
        <ChangePassword />
        <SecondFactor />
      </Show>
      <Sessions />
    </Page>
  );
}

function ChangePassword() {
  const [error, setError] = createSignal<unknown>(null);
  const [isDone, setDone] = createSignal(false);
  const change = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const form = event.currentTarget;
    setError(null);
    setDone(false);
    try {
      const body = { ...Object.fromEntries(new FormData(form)), revokeOtherSessions: true };
      await call('/auth/change-password', { method: 'POST', body });
      form.reset();
      setDone(true);
      await queryClient.invalidateQueries({ queryKey: ['sessions'] });
    } catch (cause) {
      setError(cause);
    }
  };
  return (
    <Panel title="Password">
      <form class="inline-form" onSubmit={change}>
        <PlainField label="Present password" name="currentPassword" type="password" autocomplete="current-password" />
        <PlainField
          label={`New password, at least ${leastPasswordLength} characters`}
          name="newPassword"
          type="password"
          minLength={leastPasswordLength}
          autocomplete="new-password"
        />
        <button type="submit" class="button button-primary">
          Change it
        </button>
      </form>
      <Show when={error()}>
        <ErrorNotice error={error()} />
      </Show>
      <Show when={isDone()}>
        <Notice tone="good" title="The password is changed.">
          All other browsers are signed out; tokens stay.
        </Notice>
      </Show>
    </Panel>
  );
}

function Sessions() {
  const answer = useSessions();
  const [error, setError] = createSignal<unknown>(null);
  const end = async (id: string) => {
    setError(null);
    try {
      await call(`/sessions/${id}`, { method: 'DELETE' });
    } catch (cause) {
      setError(cause);
    }
    await queryClient.invalidateQueries({ queryKey: ['sessions'] });
  };
  return (
    <Panel title="Where you are signed in">
      <Show when={error()}>
        <ErrorNotice error={error()} />
      </Show>
      <Loaded answer={answer}>
        {sessions => (
          <Show when={sessions().length > 0} fallback={<Empty title="In no browser" />}>
            <div class="table-frame">
              <table class="table">
                <thead>
                  <tr>
                    <th scope="col">Browser</th>
                    <th scope="col">Address</th>
                    <th scope="col">Since</th>
                    <th scope="col">
                      <span class="hidden">Sign out</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  <For each={sessions()}>{each => <SessionRow session={each} end={() => end(each.id)} />}</For>
                </tbody>
              </table>
            </div>
          </Show>
        )}
      </Loaded>
    </Panel>
  );
}

function SessionRow(props: { session: SessionEntryView; end: () => void }) {
  return (
    <tr>
      <td class="cell-main" title={props.session.browser ?? undefined}>
        {browserName(props.session.browser)}
      </td>
      <td data-label="Address">{props.session.address ?? '–'}</td>
      <td data-label="Since">
        <When at={props.session.createdAt} />
      </td>
      <td class="cell-action">
        <Show when={!props.session.isThis} fallback={<span class="faint">this one</span>}>
          <button type="button" class="button button-small button-danger" onClick={() => props.end()}>
            Sign out
          </button>
        </Show>
      </td>
    </tr>
  );
}
