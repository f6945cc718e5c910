// Deletes the entry of an entity. Where an Operation clears up what is on Servers, that one comes first.

import { useNavigate } from '@solidjs/router';
import { createSignal, Show } from 'solid-js';
import type { EntityView } from '../../api/contract.ts';
import { call } from '../api/client.ts';
import { queryClient } from '../api/queries.ts';
import { type FullDefinition, useMayAdd } from '../app/session.tsx';
import { ConfirmDialog } from '../parts/confirm-dialog.tsx';
import { entityName } from './names.ts';

interface DeleteProps {
  definition: FullDefinition;
  entity: EntityView;
}

export function DeleteEntity(props: DeleteProps) {
  const mayAdd = useMayAdd();
  const navigate = useNavigate();
  const [open, setOpen] = createSignal(false);
  // The Operation “Delete” takes an installed one off its Server, and deletes the entry with it.
  const isInstalled = () => props.definition.kind === 'environment' && props.entity.state !== 'new';
  const isOffered = () => mayAdd(props.definition.kind) && props.entity.state !== 'deleted' && !isInstalled();
  const name = () => entityName(props.definition, props.entity);
  const run = async () => {
    await call(`/${props.definition.plural}/${props.entity.id}`, { method: 'DELETE' });
    await queryClient.invalidateQueries({ queryKey: ['entities'] });
    navigate(`/${props.definition.plural}`);
  };
  return (
    <Show when={isOffered()}>
      <div class="offer">
        <button type="button" class="button button-danger" onClick={() => setOpen(true)}>
          Delete entry
        </button>
        <span class="offer-text">Aegir forgets this {props.definition.title}; nothing is removed from any Server.</span>
      </div>
      <ConfirmDialog
        open={open()}
        title={`Delete the entry of ${name()}?`}
        verb="Delete entry"
        typed={name()}
        close={() => setOpen(false)}
        run={run}
      >
        <p>The {props.definition.title} is no longer known to Aegir, and its name is free again.</p>
        <p>Nothing is removed from any Server. It is refused while something else refers to it.</p>
      </ConfirmDialog>
    </Show>
  );
}
