// API tokens of the person who is signed in: made, shown once, revoked.

import { createSignal, createUniqueId, For, Show } from 'solid-js';
import type { TokenView } from '../../api/contract-people.ts';
import { hasRole, type Role, roles } from '../../model/access.ts';
import { call } from '../api/client.ts';
import { queryClient, useTokens } from '../api/queries.ts';
import { useSession } from '../app/session.tsx';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';
import { CopyButton } from '../parts/copy-button.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { ErrorNotice, Notice } from '../parts/notice.tsx';
import { Empty, Page, Panel } from '../parts/page.tsx';
import { PlainField } from '../parts/plain-field.tsx';
import { When } from '../parts/when.tsx';

const lifetimes = [
  [1, 'a day'],
  [7, 'a week'],
  [30, '30 days'],
  [90, '90 days'],
  [365, 'a year'],
] as const;

const refresh = () => queryClient.invalidateQueries({ queryKey: ['tokens'] });

export function TokensPage() {
  const answer = useTokens();
  const [revoked, setRevoked] = createSignal<TokenView | null>(null);
  return (
    <Page
      title="Tokens"
      lead={<p>A token lets the command line and scripts act as you, with your role or a lower one.</p>}
    >
      <CreateToken />
      <Loaded answer={answer}>
        {tokens => (
          <Show when={tokens().length > 0} fallback={<Empty title="You have no token yet" />}>
            <div class="table-frame">
              <table class="table">
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    <th scope="col">Role</th>
                    <th scope="col">Made</th>
                    <th scope="col">Last used</th>
                    <th scope="col">Ends</th>
                    <th scope="col">
                      <span class="hidden">Revoke</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  <For each={tokens()}>
                    {token => (
                      <tr>
                        <td class="cell-main">{token.name}</td>
                        <td data-label="Role">{token.role ?? 'yours'}</td>
                        <td data-label="Made">
                          <When at={token.createdAt} />
                        </td>
                        <td data-label="Last used">
                          <When at={token.lastUsedAt} none="never" />
                        </td>
                        <td data-label="Ends">
                          <When at={token.expiresAt} none="never" />
                        </td>
                        <td class="cell-action">
                          <button
                            type="button"
                            class="button button-small button-danger"
                            onClick={() => setRevoked(token)}
                          >
                            Revoke<span class="hidden"> {token.name}</span>
                          </button>
                        </td>
                      </tr>
                    )}
                  </For>
                </tbody>
              </table>
            </div>
          </Show>
        )}
      </Loaded>
      <ConfirmDialog
        open={revoked() !== null}
        title={`Revoke ${revoked()?.name ?? ''}?`}
        verb="Revoke"
        close={() => setRevoked(null)}
        run={async () => {
          await call(`/tokens/${revoked()?.id ?? ''}`, { method: 'DELETE' });
          await refresh();
        }}
      >
        <p>Whatever uses it is refused from now on.</p>
      </ConfirmDialog>
    </Page>
  );
}

function CreateToken() {
  const id = createUniqueId();
  const session = useSession();
  const [name, setName] = createSignal('');
  const [role, setRole] = createSignal('');
  const [days, setDays] = createSignal('');
  const [token, setToken] = createSignal('');
  const [error, setError] = createSignal<unknown>(null);
  const create = async (event: SubmitEvent) => {
    event.preventDefault();
    setError(null);
    try {
      const body = {
        name: name(),
        ...(role() ? { role: role() } : {}),
        ...(days() ? { days: Number(days()) } : {}),
      };
      const answer = await call<{ token: string }>('/tokens', { method: 'POST', body });
      setToken(answer.token);
      setName('');
      await refresh();
    } catch (cause) {
      setError(cause);
    }
  };
  return (
    <Panel title="New token">
      <form class="inline-form" onSubmit={create}>
        <PlainField
          label="Name"
          type="text"
          placeholder="laptop"
          autocomplete="off"
          value={name()}
          onInput={event => setName(event.currentTarget.value)}
        />
        <div class="field">
          <label for={`${id}-role`}>Role</label>
          <select id={`${id}-role`} class="input" onChange={event => setRole(event.currentTarget.value)}>
            <option value="">mine, whatever it is</option>
            <For each={roles.filter(each => hasRole(session().role, each))}>
              {(each: Role) => <option value={each}>{each}</option>}
            </For>
          </select>
        </div>
        <div class="field">
          <label for={`${id}-days`}>Good for</label>
          <select id={`${id}-days`} class="input" onChange={event => setDays(event.currentTarget.value)}>
            <option value="">ever</option>
            <For each={lifetimes}>{([days, words]) => <option value={days}>{words}</option>}</For>
          </select>
        </div>
        <button type="submit" class="button button-primary">
          Make a token
        </button>
      </form>
      <Show when={error()}>
        <ErrorNotice error={error()} />
      </Show>
      <Show when={token()}>
        <Notice tone="good" title="Copy it now: it is not shown again.">
          <code class="token">{token()}</code> <CopyButton text={token()} />
        </Notice>
      </Show>
    </Panel>
  );
}
