// Puts a text that is shown only once into the clipboard. Browsers have none for pages without HTTPS: then it is copied by hand.

export function CopyButton(props: { text: string }) {
  return (
    <button type="button" class="button button-small" onClick={() => navigator.clipboard?.writeText(props.text)}>
      Copy
    </button>
  );
}
