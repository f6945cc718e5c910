// What lies over the templates or manifests of a step, and whose it is.

import { isManifestFile } from '../catalogue/read-manifests.ts';
import type { EntityKind } from '../model/entities.ts';
import { type Layer, layerTitle } from '../model/overrides.ts';
import type { RunnableStep } from '../model/plan.ts';
import type { Database } from '../model/store/database.ts';
import { listLayers } from '../model/store/overrides.ts';
import type { Root } from '../model/store/roots.ts';
import type { Run } from './backends/backend.ts';

type Roots = Partial<Record<EntityKind, Root>>;

export interface Overrides extends Pick<Run, 'templates' | 'patches'> {
  /** For roles, by template: `Project shop, version 3`. */
  whose: Record<string, string>;
}

/** A template is replaced by the nearest text; a manifest is patched by all of them, one over the other. */
export async function overridesOf(db: Database, step: RunnableStep, roots: Roots): Promise<Overrides> {
  const found: Overrides = { templates: {}, patches: {}, whose: {} };
  const titleOf = (layer: Layer) => layerTitle(layer, roots[layer.kind]?.name ?? '');
  for (const [template, layers] of await listLayers(db, step.taskType, overridden(step, roots))) {
    const nearest = layers.at(-1);
    // What is meant for another backend of the Task type.
    if (!nearest || isManifestFile(template) !== (step.target === 'cluster')) continue;
    if (isManifestFile(template)) {
      found.patches[template] = layers.map(layer => ({ whose: titleOf(layer), text: layer.text }));
      found.whose[template] = layers.map(titleOf).join('; ');
    } else {
      found.templates[template] = nearest.text;
      found.whose[template] = titleOf(nearest);
    }
  }
  return found;
}

/** What is laid over a template for an Environment counts on both of its sides, and where a backup of it is tried. */
function overridden({ roots: ids }: RunnableStep, { environment }: Roots): Partial<Record<EntityKind, string>> {
  const whole = (environment?.side_of ?? environment?.throwaway_of) as Root | null | undefined;
  return whole ? { ...ids, environment: whole.id } : ids;
}
