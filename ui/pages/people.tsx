// The people of the Organisation: who they are, what they may, and the links by which they come in.

import { createSignal, createUniqueId, For, Show } from 'solid-js';
import type { LinkView, PersonView } from '../../api/contract-people.ts';
import { type Role, roles } from '../../model/access.ts';
import { call } from '../api/client.ts';
import { queryClient, usePeople } from '../api/queries.ts';
import { useSession } from '../app/session.tsx';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';
import { CopyButton } from '../parts/copy-button.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { ErrorNotice, Notice } from '../parts/notice.tsx';
import { Page, Panel } from '../parts/page.tsx';
import { PlainField } from '../parts/plain-field.tsx';
import { When } from '../parts/when.tsx';
import { exactTime } from '../text/time.ts';

const refresh = () => queryClient.invalidateQueries({ queryKey: ['people'] });

/** What each role adds to the one before. */
const rights: Record<Role, string> = {
  viewer: 'sees everything',
  operator: 'runs Operations, changes Environments, Releases, Backups and Schedules',
  engineer: 'changes Clusters, Servers, Projects, stores and overrides',
  administrator: 'manages people, keys, fields and approval rules',
};

export function PeoplePage() {
  const answer = usePeople();
  const session = useSession();
  const [link, setLink] = createSignal<(LinkView & { name: string }) | null>(null);
  const [removed, setRemoved] = createSignal<PersonView | null>(null);
  const [renewed, setRenewed] = createSignal<PersonView | null>(null);
  return (
    <Page title="People" lead={<p>Who may sign in here, and what they may do.</p>}>
      <AddPerson added={setLink} />
      <Show when={link()}>
        {made => (
          <Notice tone="good" title={`Send this link to ${made().name}: it is not shown again.`}>
            <p>
              <code class="token">{made().url}</code> <CopyButton text={made().url} />
            </p>
            <p>It signs in once, until {exactTime(made().expiresAt)}.</p>
          </Notice>
        )}
      </Show>
      <Loaded answer={answer}>
        {people => (
          <div class="table-frame">
            <table class="table">
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">E-mail</th>
                  <th scope="col">Role</th>
                  <th scope="col">Second factor</th>
                  <th scope="col">Last seen</th>
                  <th scope="col">
                    <span class="hidden">What can be done</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                <For each={people()}>
                  {person => (
                    <PersonRow
                      person={person}
                      isSelf={person.id === session().user.id}
                      remove={() => setRemoved(person)}
                      renew={() => setRenewed(person)}
                    />
                  )}
                </For>
              </tbody>
            </table>
          </div>
        )}
      </Loaded>
      <Panel title="What each role may do">
        <dl class="facts">
          <For each={roles}>
            {role => (
              <div class="fact">
                <dt>{role}</dt>
                <dd>{rights[role]}</dd>
              </div>
            )}
          </For>
        </dl>
        <p class="faint small">Each may do what those above it may.</p>
      </Panel>
      <ConfirmDialog
        open={removed() !== null}
        title={`Remove ${removed()?.name ?? ''}?`}
        verb="Remove"
        close={() => setRemoved(null)}
        run={async () => {
          await call(`/people/${removed()?.id ?? ''}`, { method: 'DELETE' });
          await refresh();
        }}
      >
        <p>
          Their sessions and tokens end at once; what runs goes on. What they have done stays in the history under{' '}
          {removed()?.email}.
        </p>
      </ConfirmDialog>
      <ConfirmDialog
        open={renewed() !== null}
        title={`Make a new sign-in link for ${renewed()?.name ?? ''}?`}
        verb="Make the link"
        keep="Leave it"
        close={() => setRenewed(null)}
        run={async () => {
          const { id = '', name = '' } = renewed() ?? {};
          setLink({ ...(await call<LinkView>(`/people/${id}/sign-in-links`, { method: 'POST' })), name });
          await refresh();
        }}
      >
        <p>Their password, second factor and sessions end now; with the link they set a new password. Tokens stay.</p>
      </ConfirmDialog>
    </Page>
  );
}

function PersonRow(props: { person: PersonView; isSelf: boolean; remove: () => void; renew: () => void }) {
  const [error, setError] = createSignal<unknown>(null);
  const setRole = async (select: HTMLSelectElement) => {
    setError(null);
    try {
      await call(`/people/${props.person.id}`, { method: 'PATCH', body: { role: select.value } });
    } catch (cause) {
      select.value = props.person.role;
      setError(cause);
    }
    await refresh();
  };
  return (
    <tr>
      <td class="cell-main">
        {props.person.name}
        <Show when={props.isSelf}>
          <span class="faint"> (you)</span>
        </Show>
      </td>
      <td data-label="E-mail">{props.person.email}</td>
      <td data-label="Role">
        <select
          class="input input-small"
          aria-label={`Role of ${props.person.name}`}
          disabled={props.isSelf}
          onChange={event => setRole(event.currentTarget)}
        >
          <For each={roles}>
            {role => (
              <option value={role} selected={role === props.person.role}>
                {role}
              </option>
            )}
          </For>
        </select>
        <Show when={error()}>
          <ErrorNotice error={error()} />
        </Show>
      </td>
      <td data-label="Second factor">{props.person.hasSecondFactor ? 'yes' : <span class="faint">no</span>}</td>
      <td data-label="Last seen">
        <When
          at={props.person.lastSeenAt}
          none={props.person.hasPassword ? 'not yet' : 'has not followed the link yet'}
        />
      </td>
      <td class="cell-action">
        <Show when={!props.isSelf}>
          <button type="button" class="button button-small" onClick={() => props.renew()}>
            New link<span class="hidden"> for {props.person.name}</span>
          </button>{' '}
          <button type="button" class="button button-small button-danger" onClick={() => props.remove()}>
            Remove<span class="hidden"> {props.person.name}</span>
          </button>
        </Show>
      </td>
    </tr>
  );
}

function AddPerson(props: { added: (link: LinkView & { name: string }) => void }) {
  const id = createUniqueId();
  const [error, setError] = createSignal<unknown>(null);
  const add = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const form = event.currentTarget;
    setError(null);
    try {
      const body = Object.fromEntries(new FormData(form));
      props.added(await call<PersonView & LinkView>('/people', { method: 'POST', body }));
      form.reset();
      await refresh();
    } catch (cause) {
      setError(cause);
    }
  };
  return (
    <Panel title="Add a person">
      <form class="inline-form" onSubmit={add}>
        <PlainField label="Name" name="name" type="text" autocomplete="off" />
        <PlainField label="E-mail" name="email" type="email" autocomplete="off" />
        <div class="field">
          <label for={`${id}-role`}>Role</label>
          <select id={`${id}-role`} name="role" class="input">
            <For each={roles}>{role => <option value={role}>{role}</option>}</For>
          </select>
        </div>
        <button type="submit" class="button button-primary">
          Add
        </button>
      </form>
      <Show when={error()}>
        <ErrorNotice error={error()} />
      </Show>
    </Panel>
  );
}
