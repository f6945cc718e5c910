// Where texts may lie over templates and manifests of Task types, and what comes of it when several do.

import { type EntityKind, entities } from './entities.ts';

/** The widest first: what stands at one counts for everything below it. */
export const overridingKinds = [
  'organisation',
  'cluster',
  'project',
  'environment',
] as const satisfies readonly EntityKind[];
export type OverridingKind = (typeof overridingKinds)[number];

export interface Layer {
  kind: OverridingKind;
  text: string;
  version: number;
}

/** `Project shop, version 3` */
export function layerTitle({ kind, version }: Layer, name: string): string {
  return `${entities[kind].title} ${name}, version ${version}`;
}
