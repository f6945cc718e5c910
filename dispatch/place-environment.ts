// Puts an Environment on Servers: completes what is to be written with its Cluster, its Servers and why they were taken.
// The choice itself is pure (model/placement.ts).

import type { ApplicationType } from '../model/application-type.ts';
import type { Catalogue } from '../model/catalogue.ts';
import { isGiven } from '../model/coerce.ts';
import type { Entity } from '../model/entities.ts';
import { invalid, type Problem } from '../model/errors.ts';
import {
  type Candidate,
  checkChosen,
  chosenByHand,
  type Placement,
  placementField,
  placeOn,
  reasonAt,
  type ServerField,
  type Service,
  serverFields,
  type Wish,
} from '../model/placement.ts';
import type { Db } from '../model/store/database.ts';
import { type Completion, findEntity } from '../model/store/entities.ts';
import { listCandidates, lockPlaces } from '../model/store/placement.ts';
import { loadRoot } from '../model/store/roots.ts';

type Values = Record<string, unknown>;

export interface PlacedServer {
  field: ServerField;
  id: string;
  name: string;
  reason: string;
}

/** Where an Environment of the given values would be put. */
export interface PlacementView {
  servers: PlacedServer[];
  /** On Kubernetes: whether it gets a database of its own in the cluster. */
  clusterDatabase?: boolean;
  /** Why it cannot be; paths are names of fields. */
  problems: Problem[];
}

export interface PlacementRequest {
  catalogue: Catalogue;
  organisation: string;
  /** Of the Environment; references are ids. */
  values: Values;
  /** Of an edit: its own place is free for it, and what stays where it is needs no new check. */
  before?: Entity;
  /** Of a copy: where a database is optional, it gets one when this one has one. */
  like?: Entity;
}

/** For `createEntity`, within its transaction: two at once do not get the same last place. */
export function placingNew(catalogue: Catalogue, organisation: string, like?: Entity): Completion {
  return (tx, values) => placedValues(tx, { catalogue, organisation, values, ...(like ? { like } : {}) }, values);
}

/** For the other side of an Environment: what it keeps of the present place is no new one there. */
export function placingSide(catalogue: Catalogue, organisation: string, before: Entity): Completion {
  return (tx, values) => placedValues(tx, { catalogue, organisation, values, before }, values);
}

/** For `updateEntity`: what lies on a Server already stays there. */
export function placingAgain(catalogue: Catalogue, organisation: string, id: string): Completion {
  return async (tx, written) => {
    const before = await findEntity(tx, 'environment', id, organisation);
    const changed = (field: string) => field in written && written[field] !== before.values[field];
    if (!['cluster', 'cluster_database', ...Object.values(serverFields)].some(changed)) return written;
    const stuck = signs.filter(([field, sign]) => changed(field) && (before.values[sign] ?? null) !== null);
    if (stuck.length > 0) throw refusal(stuck.map(([path]) => ({ path, message: cannotMove })));
    const values = { ...before.values, ...written };
    return placedValues(tx, { catalogue, organisation, values, before }, written);
  };
}

/** The result that says that something lies there. */
const signs: [field: string, sign: string][] = [
  ['cluster', 'path'],
  [serverFields.web, 'path'],
  [serverFields.database, 'database'],
];
const cannotMove = 'It is installed there: run “Move”, or “Move the database”.';

async function placedValues(db: Db, request: PlacementRequest, written: Values): Promise<Values> {
  const found = await findCluster(db, request);
  if ('problems' in found) throw refusal(found.problems);
  const clusters = [found.cluster.id, ...entriesOf(found.chosen).map(([, { values }]) => String(values.cluster))];
  await lockPlaces(db, clusters);
  const { servers, clusterDatabase, problems } = await placeWithin(db, request, found);
  if (problems.length > 0) throw refusal(problems);
  const ids = Object.fromEntries(servers.map(({ field, id }) => [field, id]));
  const reasons = Object.fromEntries(servers.map(({ field, reason }) => [field, reason]));
  return {
    ...written,
    cluster: found.cluster.id,
    ...ids,
    cluster_database: clusterDatabase === true ? true : null,
    [placementField]: reasons,
  };
}

function refusal(problems: Problem[]) {
  const within = problems.map(({ path, message }) => ({ path: `values.${path}`, message }));
  return invalid(within, 'This Environment cannot be saved.');
}

/** What would come of it at present; nothing is kept for it. */
export async function previewPlacement(db: Db, request: PlacementRequest): Promise<PlacementView> {
  const found = await findCluster(db, request);
  return 'problems' in found ? { servers: [], ...found } : placeWithin(db, request, found);
}

type Chosen = Partial<Record<Service, Entity>>;

interface FoundCluster {
  cluster: Entity;
  chosen: Chosen;
}

/** The one that is given, else that of the given Servers, which must all be in it; the database of a site on Kubernetes may be on a
 * Server, which is in another one. */
async function findCluster(db: Db, request: PlacementRequest): Promise<FoundCluster | { problems: Problem[] }> {
  const { organisation, values } = request;
  const serverOf = async (service: Service) => {
    const id = values[serverFields[service]];
    return typeof id === 'string' ? { [service]: await findEntity(db, 'server', id, organisation) } : {};
  };
  const chosen: Chosen = { ...(await serverOf('web')), ...(await serverOf('database')) };
  const id = values.cluster ?? (chosen.web ?? chosen.database)?.values.cluster;
  if (typeof id !== 'string') return { problems: [{ path: 'cluster', message: 'Choose a Cluster, or a web server.' }] };
  const cluster = await findEntity(db, 'cluster', id, organisation);
  if (cluster.state === 'deleted')
    return { problems: [{ path: 'cluster', message: `${nameOf(cluster)} is deleted: choose another Cluster.` }] };
  const problems: Problem[] = [];
  for (const [service, server] of entriesOf(chosen)) {
    if (server.values.cluster === cluster.id || (service === 'database' && isKubernetes(cluster))) continue;
    const other = await findEntity(db, 'cluster', String(server.values.cluster), organisation);
    const message = `${nameOf(server)} is in the Cluster ${nameOf(other)}, not in ${nameOf(cluster)}.`;
    problems.push({ path: serverFields[service], message });
  }
  if (problems.length > 0) return { problems };
  const shared = chosen.database ? undefined : databaseOfModel(cluster, request);
  if (shared) chosen.database = await findEntity(db, 'server', shared, organisation);
  return { cluster, chosen };
}

/** Beside a site on Kubernetes whose database is on a Server its copy has its own there, too. */
function databaseOfModel(cluster: Entity, { values, like }: PlacementRequest): string | undefined {
  if (!like || !isKubernetes(cluster) || like.values.cluster !== cluster.id || values.cluster_database === true) return;
  return (like.values[serverFields.database] ?? undefined) as string | undefined;
}

async function placeWithin(db: Db, request: PlacementRequest, found: FoundCluster): Promise<PlacementView> {
  const { cluster, chosen } = found;
  const application = await applicationOf(db, request);
  if (isKubernetes(cluster)) return placeInCluster(db, request, found, application);
  if (request.values.cluster_database === true)
    return {
      servers: [],
      problems: [
        {
          path: 'cluster_database',
          message: `${nameOf(cluster)} is no Kubernetes cluster: leave this empty, or choose another Cluster.`,
        },
      ],
    };
  const candidates = await listCandidates(db, cluster.id, request.before?.id);
  const view: PlacementView = { servers: [], problems: needless(application, chosen) };
  for (const service of servicesFor(application, chosen, request.like)) {
    const wish: Wish = { service, cluster: nameOf(cluster), phpVersion: phpFor(application, request.values) };
    const byHand = candidates.find(one => one.id === chosen[service]?.id);
    const placed = byHand ? keepChosen(byHand, wish, request.before) : placeOn(candidates, wish);
    if ('problems' in placed) view.problems.push(...placed.problems);
    else {
      const { id, name } = placed.server;
      view.servers.push({ field: serverFields[service], id, name, reason: placed.reason });
    }
  }
  return view;
}

/** Its own scheduler chooses nodes; what is to be said is where the database is: on a Server that was chosen, or in the cluster. */
async function placeInCluster(
  db: Db,
  request: PlacementRequest,
  { cluster, chosen }: FoundCluster,
  application: ApplicationType | undefined,
): Promise<PlacementView> {
  const { values, before, like = before } = request;
  const need = application?.database ?? 'optional';
  const problems = needless(application, chosen);
  if (need === 'none' && values.cluster_database === true)
    problems.push({ path: 'cluster_database', message: `“${application?.title}” uses no database: leave this empty.` });
  if (chosen.database) {
    if (values.cluster_database === true)
      problems.push({
        path: 'cluster_database',
        message: `${nameOf(chosen.database)} was chosen for its database: leave this empty, or that.`,
      });
    const candidates = await listCandidates(db, String(chosen.database.values.cluster), before?.id);
    const wish: Wish = { service: 'database', cluster: nameOf(cluster), phpVersion: null };
    const server = candidates.find(one => one.id === chosen.database?.id) as Candidate;
    const placed = keepChosen(server, wish, before);
    if ('problems' in placed) return { servers: [], problems: [...problems, ...placed.problems] };
    const { id, name } = placed.server;
    const isLike = like !== undefined && !isGiven(values[serverFields.database]);
    const reason = isLike ? `where ${nameOf(like)} has its own` : placed.reason;
    return { servers: [{ field: serverFields.database, id, name, reason }], clusterDatabase: false, problems };
  }
  const wanted = (values.cluster_database ??
    like?.values.cluster_database ??
    like?.values[serverFields.database] ??
    null) as unknown;
  const isWanted = need === 'required' || (need === 'optional' && wanted !== null && wanted !== false);
  return { servers: [], clusterDatabase: isWanted, problems };
}

function keepChosen(server: Candidate, wish: Wish, before: Entity | undefined): Placement {
  const field = serverFields[wish.service];
  const stays = before?.values[field] === server.id;
  const problems = stays ? [] : checkChosen(server, wish);
  if (problems.length > 0) return { problems };
  return { server, reason: (stays && reasonAt(before.values, field)) || chosenByHand };
}

async function applicationOf(db: Db, { catalogue, values }: PlacementRequest): Promise<ApplicationType | undefined> {
  if (typeof values.release !== 'string') return undefined;
  const { project } = await loadRoot(db, 'release', values.release);
  return catalogue.applicationTypes.get(String((project as Values).application));
}

function servicesFor(application: ApplicationType | undefined, chosen: Chosen, like: Entity | undefined): Service[] {
  const isCopied = application?.database === 'optional' && (like?.values[serverFields.database] ?? null) !== null;
  return application?.database === 'required' || isCopied || chosen.database ? ['web', 'database'] : ['web'];
}

function needless(application: ApplicationType | undefined, chosen: Chosen): Problem[] {
  if (application?.database !== 'none' || !chosen.database) return [];
  return [{ path: serverFields.database, message: `“${application.title}” uses no database: leave this empty.` }];
}

function phpFor(application: ApplicationType | undefined, values: Values): string | null {
  return application?.php ? String(values.php_version ?? '') : null;
}

const isKubernetes = (cluster: Entity) => cluster.values.kind === 'kubernetes';
const nameOf = (entity: Entity) => String(entity.values.name);
const entriesOf = (chosen: Chosen) => Object.entries(chosen) as [Service, Entity][];
