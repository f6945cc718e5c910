// The second factor of one's own account: codes of an authenticator (TOTP, RFC 6238), and codes to keep for the day on which it is lost.

import { createResource, createSignal, type JSX, Match, Show, Switch } from 'solid-js';
import { call } from '../api/client.ts';
import { queryClient } from '../api/queries.ts';
import { useSession } from '../app/session.tsx';
import { CopyButton } from '../parts/copy-button.tsx';
import { ErrorNotice, Notice } from '../parts/notice.tsx';
import { Panel } from '../parts/page.tsx';
import { PlainField } from '../parts/plain-field.tsx';

interface Enabled {
  totpURI: string;
  backupCodes: string[];
}

const ask = <T,>(path: string, body: unknown) => call<T>(`/auth/two-factor/${path}`, { method: 'POST', body });
const refresh = async () => {
  await queryClient.invalidateQueries({ queryKey: ['session'] });
  await queryClient.invalidateQueries({ queryKey: ['sessions'] });
};

export function SecondFactor() {
  const session = useSession();
  const [enabled, setEnabled] = createSignal<Enabled | null>(null);
  const [codes, setCodes] = createSignal<string[] | null>(null);
  const [isTurningOff, setTurningOff] = createSignal(false);
  const enable = async (password: string) => void setEnabled(await ask<Enabled>('enable', { password }));
  const renew = async (password: string) =>
    void setCodes((await ask<Enabled>('generate-backup-codes', { password })).backupCodes);
  const disable = async (password: string) => {
    await ask('disable', { password });
    setCodes(null);
    setTurningOff(false);
    await refresh();
  };
  const verified = async () => {
    setCodes(enabled()?.backupCodes ?? null);
    setEnabled(null);
    await refresh();
  };
  return (
    <Panel title="Second factor">
      <Switch>
        <Match when={enabled()}>{made => <Connect enabled={made()} verified={verified} />}</Match>
        <Match when={!session().hasSecondFactor}>
          <p>
            With it, a password that was stolen is not enough: a code of an app on your telephone is asked for as well.
          </p>
          <PasswordForm verb="Turn it on" run={enable} />
        </Match>
        <Match when={session().hasSecondFactor}>
          <p>It is on: beside your password a code of your authenticator is asked for.</p>
          <Show when={codes()}>{made => <BackupCodes codes={made()} />}</Show>
          <Show
            when={isTurningOff()}
            fallback={
              <>
                <PasswordForm verb="Make new backup codes" run={renew} />
                <button type="button" class="button button-plain" onClick={() => setTurningOff(true)}>
                  Turn it off …
                </button>
              </>
            }
          >
            <PasswordForm verb="Turn it off" isDangerous run={disable} />
            <button type="button" class="button button-plain" onClick={() => setTurningOff(false)}>
              Keep it
            </button>
          </Show>
        </Match>
      </Switch>
    </Panel>
  );
}

function Connect(props: { enabled: Enabled; verified: () => Promise<void> }) {
  const secret = () => new URL(props.enabled.totpURI).searchParams.get('secret') ?? '';
  const verify = async (code: string) => {
    await ask('verify-totp', { code: code.replaceAll(' ', '') });
    await props.verified();
  };
  return (
    <>
      <p>Read this with your authenticator, or enter the key there by hand; then enter the code that it shows.</p>
      <QrCode text={props.enabled.totpURI} />
      <p>
        <code class="token">{secret()}</code>
      </p>
      <OneField label="Code" verb="Check it" run={verify} inputmode="numeric" autocomplete="one-time-code" />
    </>
  );
}

function BackupCodes(props: { codes: string[] }) {
  const text = () => props.codes.join('\n');
  return (
    <Notice tone="good" title="Keep these backup codes: they are not shown again.">
      <p>Each signs you in once in place of a code, when your authenticator is lost.</p>
      <pre class="token">{text()}</pre>
      <CopyButton text={text()} />
    </Notice>
  );
}

/** Dark on light in both themes: not every reader takes the other way. The border is that of ISO/IEC 18004. */
function QrCode(props: { text: string }) {
  const [code] = createResource(
    () => props.text,
    async text => (await import('uqr')).encode(text, { border: 4 }),
  );
  const path = () =>
    code()
      ?.data.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : '')))
      .join('');
  return (
    <Show when={code()}>
      {made => (
        <svg class="qr-code" viewBox={`0 0 ${made().size} ${made().size}`} role="img" aria-label="The key as a QR code">
          <path d={path()} />
        </svg>
      )}
    </Show>
  );
}

interface OneFieldProps {
  label: string;
  verb: string;
  type?: string;
  inputmode?: 'numeric';
  autocomplete: string;
  isDangerous?: boolean;
  run: (value: string) => Promise<void>;
}

function PasswordForm(props: Pick<OneFieldProps, 'verb' | 'isDangerous' | 'run'>): JSX.Element {
  return <OneField label="Your password" type="password" autocomplete="current-password" {...props} />;
}

function OneField(props: OneFieldProps) {
  const [error, setError] = createSignal<unknown>(null);
  const [busy, setBusy] = createSignal(false);
  const submit = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const form = event.currentTarget;
    setBusy(true);
    setError(null);
    try {
      await props.run(String(new FormData(form).get('value') ?? ''));
      form.reset();
    } catch (cause) {
      setError(cause);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <form class="inline-form" onSubmit={submit}>
        <PlainField
          label={props.label}
          name="value"
          type={props.type ?? 'text'}
          inputmode={props.inputmode}
          autocomplete={props.autocomplete}
        />
        <button
          type="submit"
          class={`button ${props.isDangerous ? 'button-danger' : 'button-primary'}`}
          disabled={busy()}
        >
          {props.verb}
        </button>
      </form>
      <Show when={error()}>
        <ErrorNotice error={error()} />
      </Show>
    </>
  );
}
