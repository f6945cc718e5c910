// One run of the program: its environment, the client made from the flags of the command, and lookups that commands share.

import type { Command } from 'commander';
import type { EntityView, SessionView } from '../api/contract.ts';
import { type Entity, type EntityDefinition, type EntityKind, entities, entityKinds } from '../model/entities.ts';
import type { FieldSpec } from '../model/fields.ts';
import { Client, pathOf } from './client.ts';
import { type CredentialFlags, findCredentials } from './credentials.ts';
import type { CliEnvironment } from './environment.ts';
import { usageError } from './exit.ts';
import { suggest } from './suggest.ts';

export interface CommonFlags extends CredentialFlags {
  json?: boolean;
}

export type KindDefinition = EntityDefinition & { customFields: FieldSpec[] };

/** Flags that every command which talks to the API has. */
export function withCommonFlags(command: Command): Command {
  return command
    .option('--json', 'one JSON document on standard output')
    .option('--url <address>', 'address of Aegir, instead of the one that is signed in to')
    .option('--token <token>', 'API token (better: AEGIR_TOKEN, which other users of this machine cannot see)');
}

export function connect(environment: CliEnvironment, flags: CredentialFlags): Client {
  return new Client(findCredentials(environment, flags));
}

export function builtInDefinition(kind: EntityKind): KindDefinition {
  return { ...entities[kind], customFields: [] };
}

export async function loadDefinition(client: Client, kind: EntityKind): Promise<KindDefinition> {
  const session = await client.get<SessionView>(pathOf('session'));
  return session.entities[kind];
}

export function isKind(word: string): boolean {
  const lower = word.toLowerCase();
  return entityKinds.some(each => each === lower || entities[each].plural === lower);
}

/** Also the plural, and its beginning in another case: `Environments`. */
export function readKind(word: string): EntityKind {
  const lower = word.toLowerCase();
  const kind = entityKinds.find(each => each === lower || entities[each].plural === lower);
  if (kind === undefined) {
    throw usageError(`There is no kind "${word}": ${entityKinds.join(', ')}.${suggest(lower, entityKinds)}`);
  }
  return kind;
}

export function findEntity(client: Client, kind: EntityKind, nameOrId: string): Promise<EntityView> {
  return client.get<EntityView>(pathOf(entities[kind].plural, nameOrId));
}

export async function findId(client: Client, kind: EntityKind, nameOrId: string): Promise<string> {
  return (await findEntity(client, kind, nameOrId)).id;
}

export function nameOf(entity: Entity): string {
  const name = entity.values[entities[entity.kind].nameField];
  return typeof name === 'string' ? name : entity.id;
}

/** Names by id of every entity of a kind, for lists. */
export async function namesOfKind(client: Client, kind: EntityKind): Promise<Map<string, string>> {
  const all = await client.all<Entity>(pathOf(entities[kind].plural));
  return new Map(all.map(entity => [entity.id, nameOf(entity)]));
}
