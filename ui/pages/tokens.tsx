// API tokens of the person who is signed in: made, shown once, revoked.

import { createSignal, createUniqueId, For, Show } from 'solid-js';
import type { TokenView } from '../../api/contract.ts';
import { call } from '../api/client.ts';
import { queryClient, useTokens } from '../api/queries.ts';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';
import { Loaded } from '../parts/loaded.tsx';
import { ErrorNotice, Notice } from '../parts/notice.tsx';
import { Empty, Page, Panel } from '../parts/page.tsx';
import { When } from '../parts/when.tsx';

const refresh = () => queryClient.invalidateQueries({ queryKey: ['tokens'] });

export function TokensPage() {
  const answer = useTokens();
  const [revoked, setRevoked] = createSignal<TokenView | null>(null);
  return (
    <Page title="Tokens" lead={<p>A token lets the command line and scripts act as you, with your role.</p>}>
      <CreateToken />
      <Loaded answer={answer}>
        {tokens => (
          <Show when={tokens().length > 0} fallback={<Empty title="You have no token yet" />}>
            <div class="table-frame">
              <table class="table">
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    <th scope="col">Made</th>
                    <th scope="col">Last used</th>
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
                        <td data-label="Made">
                          <When at={token.createdAt} />
                        </td>
                        <td data-label="Last used">
                          <When at={token.lastUsedAt} none="never" />
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
  const [name, setName] = createSignal('');
  const [token, setToken] = createSignal('');
  const [error, setError] = createSignal<unknown>(null);
  const create = async (event: SubmitEvent) => {
    event.preventDefault();
    setError(null);
    try {
      const answer = await call<{ token: string }>('/tokens', { method: 'POST', body: { name: name() } });
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
        <div class="field">
          <label for={id}>Name</label>
          <input
            id={id}
            class="input"
            type="text"
            required
            placeholder="laptop"
            autocomplete="off"
            value={name()}
            onInput={event => setName(event.currentTarget.value)}
          />
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
          <code class="token">{token()}</code>{' '}
          <button type="button" class="button button-small" onClick={() => navigator.clipboard?.writeText(token())}>
            Copy
          </button>
        </Notice>
      </Show>
    </Panel>
  );
}
