// A part that opens on demand. Its content is made only then.

import { createSignal, type JSX, Show } from 'solid-js';

export function Fold(props: {
  title: JSX.Element;
  open?: boolean;
  onToggle?: (open: boolean) => void;
  children: JSX.Element;
}) {
  const [open, setOpen] = createSignal(props.open ?? false);
  const onToggle = (event: Event & { currentTarget: HTMLDetailsElement }) => {
    setOpen(event.currentTarget.open);
    props.onToggle?.(event.currentTarget.open);
  };
  return (
    <details class="fold" open={props.open ?? false} onToggle={onToggle}>
      <summary>{props.title}</summary>
      <div class="fold-body">
        <Show when={open()}>{props.children}</Show>
      </div>
    </details>
  );
}
