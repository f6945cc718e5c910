// Adds the other side of an Environment: the same site in a second place, which the answers name as far as it is another one.

import type { Entity } from '../model/entities.ts';
import { AppError, invalid, type Problem } from '../model/errors.ts';
import { serverFields } from '../model/placement.ts';
import { type Completion, createEntity, findEntity } from '../model/store/entities.ts';
import { loadRoot, type Root } from '../model/store/roots.ts';
import { makePassword } from '../secrets/token.ts';
import { actorOf, type Principal } from './access.ts';
import type { DispatchDependencies } from './dependencies.ts';
import { placingSide } from './place-environment.ts';

type Values = Record<string, unknown>;

const places = ['cluster', serverFields.web, serverFields.database] as const;
/** Columns that no row is without; what counts is what its Environment says. */
const copied = ['name', 'release', 'kind', 'primary_name', 'php_version', 'upload_mb'];

/** @param asks without the web server only the database gets another side. */
export async function addSide(
  deps: DispatchDependencies,
  principal: Principal,
  whole: Entity,
  { asks, answers }: { asks: string[]; answers: Values },
): Promise<Root> {
  const organisation = principal.organisation.id;
  const isWhole = asks.includes(serverFields.web);
  const place = await placeOf(deps, organisation, whole, answers);
  const specs = [{ name: 'database_password', type: 'str', secret: true } as const];
  const values = {
    ...Object.fromEntries(copied.map(name => [name, whole.values[name]])),
    ...place,
    ...(await deps.vault.putFields(deps.db, organisation, [...specs], { database_password: makePassword() })),
    side_of: whole.id,
  };
  const placing = placingSide(await deps.catalogue.current(), organisation, whole);
  const complete: Completion = async (tx, written) => {
    const placed = await placing(tx, written);
    refuseSame(whole, placed, isWhole);
    return isWhole ? placed : { ...placed, [serverFields.web]: null };
  };
  try {
    const input = { values, custom: {} };
    const { id } = await createEntity(deps.db, actorOf(principal), 'environment', input, complete);
    return await loadRoot(deps.db, 'environment', id);
  } catch (error) {
    throw asAnswered(error, 'The other side cannot be added.');
  }
}

/** What is not answered stays as it is, as far as that is in the same Cluster; the rest is placed. */
async function placeOf(deps: DispatchDependencies, organisation: string, { values }: Entity, answers: Values) {
  const given = Object.fromEntries(places.flatMap(name => (answers[name] ? [[name, answers[name]]] : [])));
  // The database of a site on Kubernetes may be on a Server, which is in another Cluster.
  const isOnServers = (values[serverFields.web] ?? null) !== null;
  const first = given[serverFields.web] ?? (isOnServers ? given[serverFields.database] : undefined);
  const server = typeof first === 'string' ? await findEntity(deps.db, 'server', first, organisation) : null;
  const cluster = given.cluster ?? server?.values.cluster ?? values.cluster;
  if (cluster !== values.cluster) return { cluster, ...given };
  const stays = Object.fromEntries([serverFields.web, serverFields.database].map(name => [name, values[name]]));
  return { cluster, ...stays, ...given };
}

/** Names, folder and unix user of a site are there once on each web Server, its database once on each database Server. */
function refuseSame({ values }: Entity, placed: Values, isWhole: boolean): void {
  const isSame = (name: string) => (placed[name] ?? null) === (values[name] ?? null);
  const refusal = (name: string, message: string) => invalid([{ path: `values.${name}`, message }], '');
  if (!isWhole && !values.database) throw refusal(serverFields.database, 'The Environment has no database.');
  if (!isWhole && isSame(serverFields.database))
    throw refusal(serverFields.database, 'It is there already. Choose another database server.');
  if (!isWhole || !isSame('cluster') || !isSame(serverFields.web)) return;
  const message = isSame(serverFields.database)
    ? 'It is there already. Choose another Cluster, or another web server.'
    : 'Choose another web server, too: only the database is moved by “Move the database”.';
  throw refusal(serverFields.web, message);
}

/** Its problems are those of the form's fields. */
export function asAnswered(error: unknown, words: string): unknown {
  if (!(error instanceof AppError) || error.problems.length === 0) return error;
  const problems: Problem[] = error.problems.map(({ path, message }) => ({
    path: path.replace(/^values\./, ''),
    message,
  }));
  return error.code === 'invalid'
    ? invalid(problems, words)
    : new AppError(error.code, error.message, { cause: error, problems });
}
