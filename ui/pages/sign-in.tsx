// Signs in by e-mail and password, or by a one-time link; the first administrator then sets name, e-mail and password.

import { A, useLocation, useNavigate, useSearchParams } from '@solidjs/router';
import { createSignal, type JSX, Match, onMount, Show, Switch } from 'solid-js';
import type { SessionView } from '../../api/contract.ts';
import { firstAddress, leastPasswordLength } from '../../model/access.ts';
import { call } from '../api/client.ts';
import { queryClient } from '../api/queries.ts';
import { ErrorNotice, Notice } from '../parts/notice.tsx';
import { PlainField } from '../parts/plain-field.tsx';

export function SignIn() {
  return (
    <main class="gate">
      <div class="gate-box">
        <p class="brand brand-big">Aegir</p>
        <h1>Sign in</h1>
        <PasswordForm />
        <p class="faint small">
          No account, or no password any more? An administrator makes a one-time link for you; that of the first one is
          printed where Aegir was started: <code>npm start</code>.
        </p>
      </div>
    </main>
  );
}

function PasswordForm() {
  const navigate = useNavigate();
  const location = useLocation();
  const [email, setEmail] = createSignal('');
  const [password, setPassword] = createSignal('');
  const [code, setCode] = createSignal('');
  const [isHalfWay, setHalfWay] = createSignal(false);
  const enter = async () => {
    await queryClient.invalidateQueries();
    // Elsewhere the page that was asked for follows.
    if (location.pathname === '/sign-in') navigate('/', { replace: true });
  };
  const signIn = async () => {
    const body = { email: email(), password: password() };
    const answer = await call<{ twoFactorRedirect?: boolean }>('/auth/sign-in/email', { method: 'POST', body });
    if (answer.twoFactorRedirect) setHalfWay(true);
    else await enter();
  };
  const sendCode = async () => {
    const given = code().replaceAll(' ', '');
    // Codes to keep have letters and a dash.
    const path = /^\d{6}$/.test(given) ? 'verify-totp' : 'verify-backup-code';
    await call(`/auth/two-factor/${path}`, { method: 'POST', body: { code: given } });
    await enter();
  };
  return (
    <Show
      when={isHalfWay()}
      fallback={
        <GateForm verb="Sign in" run={signIn}>
          <GateInput label="E-mail" type="email" autocomplete="username" onInput={setEmail} />
          <GateInput label="Password" type="password" autocomplete="current-password" onInput={setPassword} />
        </GateForm>
      }
    >
      <GateForm verb="Sign in" run={sendCode}>
        <GateInput label="Code of your authenticator" type="text" autocomplete="one-time-code" onInput={setCode} />
        <p class="faint small">
          Is it lost? Enter one of your backup codes; an administrator can make a new link for you.
        </p>
      </GateForm>
    </Show>
  );
}

/** Page /sign-in?link=TOKEN. The token is used once, without a press of a button. */
export function SignInByLink() {
  const [search] = useSearchParams<{ link: string }>();
  const navigate = useNavigate();
  const [error, setError] = createSignal<unknown>(null);
  onMount(async () => {
    try {
      await call('/sign-in-link', { method: 'POST', body: { token: search.link ?? '' } });
      await queryClient.invalidateQueries({ queryKey: ['session'] });
      navigate('/', { replace: true });
    } catch (cause) {
      setError(cause);
    }
  });
  return (
    <main class="gate">
      <div class="gate-box">
        <p class="brand brand-big">Aegir</p>
        <h1>Sign in</h1>
        <Show when={error()} fallback={<p role="status">Signing in …</p>}>
          <ErrorNotice error={error()} />
          <p>
            A link works once. An administrator makes another one, as does <code>./aegir token sign-in-link</code> on
            Aegir’s own machine. If you are signed in already, <A href="/">go to the start</A>; or sign in with a
            password:
          </p>
          <PasswordForm />
        </Show>
      </div>
    </main>
  );
}

export function FirstPassword(props: { session: SessionView; skip: () => void }) {
  const [name, setName] = createSignal(props.session.user.name);
  const isFirst = () => props.session.user.email === firstAddress;
  const [email, setEmail] = createSignal(props.session.user.email);
  const [password, setPassword] = createSignal('');
  const save = async () => {
    await call('/session/password', { method: 'POST', body: { name: name(), email: email(), password: password() } });
    await queryClient.invalidateQueries({ queryKey: ['session'] });
  };
  return (
    <main class="gate">
      <div class="gate-box">
        <p class="brand brand-big">Aegir</p>
        <h1>Set your password</h1>
        <Notice tone="info">
          You came by a one-time link. With a password of at least {leastPasswordLength} characters you can sign in
          again from anywhere.
        </Notice>
        <GateForm verb="Save" run={save}>
          <GateInput label="Name" type="text" autocomplete="name" value={name()} onInput={setName} />
          <GateInput
            label="E-mail"
            type="email"
            autocomplete="username"
            value={email()}
            isFixed={!isFirst()}
            onInput={setEmail}
          />
          <GateInput label="Password" type="password" autocomplete="new-password" onInput={setPassword} />
        </GateForm>
        <button type="button" class="button button-plain" onClick={() => props.skip()}>
          Later
        </button>
      </div>
    </main>
  );
}

function GateForm(props: { verb: string; run: () => Promise<void>; children: JSX.Element }) {
  const [error, setError] = createSignal<unknown>(null);
  const [busy, setBusy] = createSignal(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await props.run();
    } catch (cause) {
      setError(cause);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="form" onSubmit={submit}>
      <Switch>
        <Match when={error()}>
          <ErrorNotice error={error()} />
        </Match>
      </Switch>
      {props.children}
      <button type="submit" class="button button-primary" disabled={busy()}>
        {props.verb}
      </button>
    </form>
  );
}

interface GateInputProps {
  label: string;
  type: string;
  autocomplete: string;
  value?: string;
  isFixed?: boolean;
  onInput: (text: string) => void;
}

function GateInput(props: GateInputProps) {
  return (
    <PlainField
      label={props.label}
      type={props.type}
      autocomplete={props.autocomplete}
      value={props.value ?? ''}
      readOnly={props.isFixed}
      onInput={event => props.onInput(event.currentTarget.value)}
    />
  );
}
