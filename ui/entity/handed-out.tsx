// Secrets that somebody else has to know too: a new one is made, and shown this once.

import { createSignal, For, Show } from 'solid-js';
import type { EntityView } from '../../api/contract.ts';
import type { FieldSpec } from '../../model/fields.ts';
import { call } from '../api/client.ts';
import { queryClient } from '../api/queries.ts';
import { type FullDefinition, useMayChange } from '../app/session.tsx';
import { fieldLabel } from '../form/field-props.ts';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';
import { CopyButton } from '../parts/copy-button.tsx';
import { Notice } from '../parts/notice.tsx';
import { Panel } from '../parts/page.tsx';

interface HandedOutProps {
  definition: FullDefinition;
  entity: EntityView;
}

export function HandedOutSecrets(props: HandedOutProps) {
  const mayChange = useMayChange();
  const specs = () => props.definition.fields.filter(spec => spec.handedOut);
  return (
    <Show when={props.entity.state !== 'deleted' && mayChange(props.definition.kind)}>
      <For each={specs()}>{spec => <HandedOut {...props} spec={spec} />}</For>
    </Show>
  );
}

function HandedOut(props: HandedOutProps & { spec: FieldSpec }) {
  const [secret, setSecret] = createSignal('');
  const [open, setOpen] = createSignal(false);
  const isSet = () => Boolean(props.entity.values[props.spec.name]);
  const make = async () => {
    const path = `/${props.definition.plural}/${props.entity.id}/secrets/${props.spec.name}`;
    const answer = await call<{ secret: string }>(path, { method: 'POST' });
    setSecret(answer.secret);
    await queryClient.invalidateQueries({ queryKey: ['entity'] });
  };
  return (
    <Panel title={fieldLabel(props.spec)}>
      <p>{props.spec.help}</p>
      <Show when={secret()}>
        <Notice tone="good" title="Copy it now: it is not shown again.">
          <code class="token">{secret()}</code> <CopyButton text={secret()} />
        </Notice>
      </Show>
      <button type="button" class="button" onClick={() => setOpen(true)}>
        Make a new one
      </button>
      <ConfirmDialog
        open={open()}
        title={`A new ${fieldLabel(props.spec).toLowerCase()}?`}
        verb="Make a new one"
        harmless={!isSet()}
        close={() => setOpen(false)}
        run={make}
      >
        <p>{isSet() ? 'The present one is of no use any more, at once.' : 'It is shown once.'}</p>
      </ConfirmDialog>
    </Panel>
  );
}
