// The fields of failed Tasks, to be changed before they run again.

import { createMemo, For, Show } from 'solid-js';
import type { FailedTaskView } from '../../api/contract.ts';
import type { Problem } from '../../model/errors.ts';
import { FormFields } from '../form/form-fields.tsx';
import { Fold } from '../parts/fold.tsx';
import type { FieldChanges } from './field-changes.ts';

interface ChangedFieldsProps {
  tasks: FailedTaskView[];
  changes: FieldChanges;
  problems: Problem[];
}

export function ChangedFields(props: ChangedFieldsProps) {
  const ids = createMemo(() => props.tasks.filter(({ fields }) => fields.length > 0).map(({ id }) => id));
  const taskOf = (id: string) => props.tasks.find(task => task.id === id);
  return (
    <For each={ids()}>
      {id => (
        <Show when={taskOf(id)}>
          {task => (
            <Fold title={`Change fields of “${task().title}” first`}>
              <div class="form changed-fields">
                <FormFields
                  specs={task().fields}
                  drafts={props.changes.draftsOf(task())}
                  problems={props.problems}
                  prefix={`${id}.`}
                  onChange={(name, draft) => props.changes.change(id, name, draft)}
                />
              </div>
            </Fold>
          )}
        </Show>
      )}
    </For>
  );
}

/** Names of all fields in the paths of problems: the others stand on top. */
export function fieldPaths(tasks: FailedTaskView[]): string[] {
  return tasks.flatMap(({ id, fields }) => fields.map(({ name }) => `${id}.${name}`));
}
