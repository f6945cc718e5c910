// A label with its input, for forms whose fields are not those of a type.

import { createUniqueId, type JSX, splitProps } from 'solid-js';

interface PlainFieldProps extends JSX.InputHTMLAttributes<HTMLInputElement> {
  label: string;
}

export function PlainField(props: PlainFieldProps) {
  const id = createUniqueId();
  const [own, others] = splitProps(props, ['label']);
  return (
    <div class="field">
      <label for={id}>{own.label}</label>
      <input id={id} class="input" required {...others} />
    </div>
  );
}
