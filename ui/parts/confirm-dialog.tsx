// Asks before something that cannot be taken back, or that needs an answer first; the name must be typed where `typed` is given.

import { createEffect, createSignal, createUniqueId, type JSX, Show } from 'solid-js';
import { ErrorNotice } from './notice.tsx';

interface ConfirmProps {
  open: boolean;
  title: string;
  /** Label of the button that does it: a verb. */
  verb: string;
  typed?: string;
  /** Label of the button that does nothing. */
  keep?: string;
  /** It takes nothing away: its button is not red. */
  harmless?: boolean;
  disabled?: boolean;
  wide?: boolean;
  close: () => void;
  /** A rejection is shown in the dialog. */
  run: () => Promise<unknown>;
  children: JSX.Element;
}

export function ConfirmDialog(props: ConfirmProps) {
  const id = createUniqueId();
  const [typed, setTyped] = createSignal('');
  const [error, setError] = createSignal<unknown>(null);
  const [busy, setBusy] = createSignal(false);
  let dialog: HTMLDialogElement | undefined;
  createEffect(() => {
    if (!props.open) return dialog?.close();
    setTyped('');
    setError(null);
    if (!dialog?.open) dialog?.showModal();
  });
  const run = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    try {
      await props.run();
      props.close();
    } catch (cause) {
      setError(cause);
    } finally {
      setBusy(false);
    }
  };
  return (
    <dialog
      ref={dialog}
      class="dialog"
      classList={{ 'dialog-wide': props.wide ?? false }}
      aria-labelledby={`${id}-title`}
      onClose={() => props.close()}
    >
      <form novalidate onSubmit={run}>
        <h2 id={`${id}-title`}>{props.title}</h2>
        <div class="dialog-text">{props.children}</div>
        <Show when={props.typed}>
          <TypedName id={`${id}-typed`} name={props.typed ?? ''} value={typed()} onInput={setTyped} />
        </Show>
        <Show when={error()}>
          <ErrorNotice error={error()} />
        </Show>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={() => props.close()}>
            {props.keep ?? 'Keep it'}
          </button>
          <button
            type="submit"
            class={`button ${props.harmless ? 'button-primary' : 'button-danger'}`}
            disabled={busy() || props.disabled || typed() !== (props.typed ?? '')}
          >
            {props.verb}
          </button>
        </div>
      </form>
    </dialog>
  );
}

export function TypedName(props: { id: string; name: string; value: string; onInput: (text: string) => void }) {
  return (
    <div class="field">
      <label for={props.id}>
        Type <code>{props.name}</code> to confirm
      </label>
      <input
        id={props.id}
        class="input"
        type="text"
        autocomplete="off"
        spellcheck={false}
        value={props.value}
        onInput={event => props.onInput(event.currentTarget.value)}
      />
    </div>
  );
}
