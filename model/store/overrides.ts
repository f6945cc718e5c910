// Versioned texts that lie over templates and manifests of Task types, per Environment, Project, Cluster or Organisation.

import { and, desc, eq } from 'drizzle-orm';
import type { EntityKind } from '../entities.ts';
import { type Layer, overridingKinds } from '../overrides.ts';
import { type Actor, recordChange } from './audit.ts';
import type { Database, Db } from './database.ts';
import { overrides } from './schema/index.ts';

export type OverrideRow = typeof overrides.$inferSelect;

/** The newest version of each template of one entity; removed ones are left out. */
export async function listOverrides(db: Db, kind: EntityKind, id: string): Promise<OverrideRow[]> {
  const rows = await db
    .selectDistinctOn([overrides.task_type, overrides.template])
    .from(overrides)
    .where(and(eq(overrides.entity_kind, kind), eq(overrides.entity_id, id)))
    .orderBy(overrides.task_type, overrides.template, desc(overrides.version));
  return rows.filter(row => row.text !== null);
}

export interface OverrideChange {
  entity: { kind: EntityKind; id: string; name: string };
  taskType: string;
  template: string;
  /** null removes it. */
  text: string | null;
}

export async function setOverride(db: Database, actor: Actor, change: OverrideChange): Promise<void> {
  const { entity, taskType, template, text } = change;
  await db.transaction(async tx => {
    const key = and(
      eq(overrides.entity_kind, entity.kind),
      eq(overrides.entity_id, entity.id),
      eq(overrides.task_type, taskType),
      eq(overrides.template, template),
    );
    const [newest] = await tx.select().from(overrides).where(key).orderBy(desc(overrides.version)).limit(1);
    const version = (newest?.version ?? 0) + 1;
    await tx.insert(overrides).values({
      entity_kind: entity.kind,
      entity_id: entity.id,
      task_type: taskType,
      template,
      version,
      text,
      changed_by: actor.name,
    });
    const object = { kind: 'override' as const, id: entity.id, name: `${entity.name}: ${taskType}/${template}` };
    await recordChange(tx, actor, {
      verb: text === null ? 'remove' : 'edit',
      object,
      before: { text: newest?.text ?? null },
      after: { text },
    });
  });
}

/** By template, the widest first: of the Organisation, the Cluster, the Project, the Environment. */
export async function listLayers(
  db: Db,
  taskType: string,
  roots: Partial<Record<EntityKind, string>>,
): Promise<Map<string, Layer[]>> {
  const layers = new Map<string, Layer[]>();
  for (const kind of overridingKinds) {
    const id = roots[kind];
    if (!id) continue;
    for (const { task_type, template, text, version } of await listOverrides(db, kind, id))
      if (task_type === taskType && text !== null)
        layers.set(template, [...(layers.get(template) ?? []), { kind, text, version }]);
  }
  return layers;
}
