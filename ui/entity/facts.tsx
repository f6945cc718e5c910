// The fields of an entity as terms and values.

import { For, Show } from 'solid-js';
import type { EntityView } from '../../api/contract.ts';
import { certificatesField } from '../../model/certificates.ts';
import type { FieldSpec } from '../../model/fields.ts';
import { placementField, reasonAt } from '../../model/placement.ts';
import type { FullDefinition } from '../app/session.tsx';
import { groupFields } from '../form/field-groups.ts';
import { fieldLabel } from '../form/field-props.ts';
import { Panel } from '../parts/page.tsx';
import { When } from '../parts/when.tsx';
import { FieldValue } from './field-value.tsx';

interface FactsProps {
  definition: FullDefinition;
  entity: EntityView;
}

/** The reasons stand with their Servers; certificates and the web server's configuration have panels of their own. */
const shownElsewhere = [placementField, certificatesField, 'vhost'];

export function Facts(props: FactsProps) {
  const shown = () => props.definition.fields.filter(spec => spec.name !== props.definition.nameField);
  const results = () =>
    props.definition.resultFields.filter(
      spec => hasValue(props.entity.values[spec.name]) && !shownElsewhere.includes(spec.name),
    );
  return (
    <>
      <Panel title="Settings">
        <For each={groupFields(shown(), '')}>
          {group => (
            <>
              <Show when={group.title}>
                <h3 class="fact-group">{group.title}</h3>
              </Show>
              <FactList specs={group.specs} values={props.entity.values} entity={props.entity} />
            </>
          )}
        </For>
      </Panel>
      <Show when={props.definition.customFields.length > 0}>
        <Panel title="Custom fields">
          <FactList specs={props.definition.customFields} values={props.entity.fields} entity={props.entity} />
        </Panel>
      </Show>
      <Show when={results().length > 0}>
        <Panel title="Found by Operations">
          <FactList specs={results()} values={props.entity.values} entity={props.entity} />
        </Panel>
      </Show>
    </>
  );
}

function hasValue(value: unknown): boolean {
  return value !== null && value !== undefined && value !== '';
}

function FactList(props: { specs: FieldSpec[]; values: Record<string, unknown>; entity: EntityView }) {
  return (
    <dl class="facts">
      <For each={props.specs}>
        {spec => (
          <div class="fact">
            <dt title={spec.help ?? ''}>{fieldLabel(spec)}</dt>
            <dd>
              <FieldValue spec={spec} value={props.values[spec.name]} name={props.entity.references[spec.name]?.name} />
              <Show when={reasonAt(props.entity.values, spec.name)}>
                {reason => <p class="faint small">{reason()}</p>}
              </Show>
            </dd>
          </div>
        )}
      </For>
    </dl>
  );
}

export function Times(props: { entity: EntityView }) {
  return (
    <p class="faint small times">
      Added <When at={props.entity.createdAt} />, changed <When at={props.entity.updatedAt} />. Id{' '}
      <code>{props.entity.id}</code>
    </p>
  );
}
