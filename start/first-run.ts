// The first start proves the main job: it enters this machine and a sample site into the model, through the API like any
// other client, and runs the Operations that install the site. A start that finds all this done changes nothing.

import { renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { EntityView, OperationView, Page } from '../api/contract.ts';
import type { Config } from '../config.ts';
import { type Entity, type EntityKind, entities } from '../model/entities.ts';
import { AppError } from '../model/errors.ts';
import { isOver } from '../model/run.ts';
import { locateCaddy } from './caddy.ts';
import { readFileOrNothing } from './launch.ts';
import type { LocalApi } from './local-api.ts';
import { keepSampleRepository } from './sample-repository.ts';
import { findProgram } from './temporal.ts';

interface Context {
  api: LocalApi;
  config: Config;
  say(line: string): void;
}

/** What an earlier start has made. `done`: nothing of it is made again, also when people delete it. */
interface Progress {
  done: boolean;
  server?: string;
}

type Values = Record<string, unknown>;

const machineName = 'this-machine';
const siteName = 'hello.localhost';

export function siteAddress({ local }: Config): string {
  return `http://${siteName}:${local.webPort}`;
}

export async function runFirstStart(context: Context): Promise<void> {
  const progress = readProgress(context.config.home);
  if (progress.done) return keepServerRight(context, progress);
  const cluster = await findByName(context.api, 'cluster', machineName);
  if (!cluster && (await isInUse(context.api))) return writeProgress(context.config.home, { done: true });
  const server = await enterMachine(context, cluster);
  writeProgress(context.config.home, { done: false, server: server.id });
  await installSample(context, server);
  writeProgress(context.config.home, { done: true, server: server.id });
}

/** A database that others have filled is not the place for a sample. */
async function isInUse(api: LocalApi): Promise<boolean> {
  const clusters = await api.get<Page<Entity>>('/api/clusters?limit=1');
  return clusters.items.length > 0;
}

async function enterMachine(context: Context, found: Entity | undefined): Promise<Entity> {
  const { api } = context;
  const cluster =
    found ??
    (await create(api, 'cluster', { name: machineName, kind: 'servers', backup_store: await enterStore(context) }));
  const values = { name: machineName, cluster: cluster.id, ...renderServerValues(context.config) };
  const server = (await findByName(api, 'server', machineName)) ?? (await create(api, 'server', values));
  if (server.state !== 'verified') await runToEnd(context, server, 'verify_server');
  return server;
}

/** Backups go into a folder here; Servers that are added later reach it through the connection of the Operation. */
async function enterStore({ api, config }: Context): Promise<string> {
  const values = { name: machineName, type: 'directory', folder: join(config.home, 'backups') };
  const store = (await findByName(api, 'backup_store', machineName)) ?? (await create(api, 'backup_store', values));
  return store.id;
}

async function installSample(context: Context, server: Entity): Promise<void> {
  const { api, config } = context;
  const repository = keepSampleRepository(config.home, config.installation);
  const project =
    (await findByName(api, 'project', 'hello-site')) ??
    (await create(api, 'project', { name: 'hello-site', repository, application: 'static' }));
  const release =
    (await findByName(api, 'release', 'main', { project: project.id })) ??
    (await create(api, 'release', { name: 'main', project: project.id, git_ref: 'main' }));
  if (release.state !== 'verified') await runToEnd(context, release, 'build_release', { server: server.id });
  const environment =
    (await findByName(api, 'environment', 'hello')) ??
    (await create(api, 'environment', {
      ...{ name: 'hello', release: release.id, web_server: server.id },
      ...{ primary_name: siteName, kind: 'development' },
    }));
  if (environment.state !== 'enabled') await runToEnd(context, environment, 'install_environment');
}

/** What this machine's Server is like depends on settings that may differ at the next start. */
function renderServerValues(config: Config): Values {
  const { config: file, sites, socket } = locateCaddy(config.home);
  return {
    connection: 'local',
    python: config.python,
    web_service: 'caddy',
    web_port: config.local.webPort,
    base_path: join(config.home, 'server'),
    web_settings: {
      ...{ binary: findProgram('caddy', [dirname(config.python)]), config: file, sites, admin: `unix/${socket}` },
    },
  };
}

async function keepServerRight(context: Context, { server: id }: Progress): Promise<void> {
  const { api, config, say } = context;
  const server = id ? await api.find<EntityView>(`/api/servers/${id}`) : undefined;
  if (!server || server.state === 'deleted') return;
  const wanted = renderServerValues(config);
  const changed = Object.entries(wanted).filter(([name, value]) => !isDeepStrictEqual(server.values[name], value));
  if (changed.length === 0) return;
  await api.patch(`/api/servers/${server.id}`, { values: Object.fromEntries(changed) });
  say(`  The Server ${machineName} has been changed to the settings: ${changed.map(([name]) => name).join(', ')}.`);
  // Their vhosts and addresses name the port.
  const sites = changed.some(([name]) => name === 'web_port') ? (server.referredBy.environment ?? []) : [];
  for (const site of sites.filter(({ state }) => state === 'enabled')) {
    await runToEnd(context, site, 'install_environment');
  }
}

async function findByName(api: LocalApi, kind: EntityKind, name: string, filter: Record<string, string> = {}) {
  const query = new URLSearchParams({ ...filter, search: name });
  const page = await api.get<Page<Entity>>(`/api/${entities[kind].plural}?${query}`);
  return page.items.find(entity => entity.values.name === name && entity.state !== 'deleted');
}

async function create(api: LocalApi, kind: EntityKind, values: Values): Promise<Entity> {
  return api.post<Entity>(`/api/${entities[kind].plural}`, { values, fields: {} });
}

/** Starts an Operation, or finds the one that an earlier start has begun, and waits for its end. */
async function runToEnd({ api, config, say }: Context, entity: Entity, type: string, input: Values = {}) {
  const path = `/api/${entities[entity.kind].plural}/${entity.id}`;
  const { recentOperations } = await api.get<EntityView>(path);
  const going = recentOperations.find(operation => operation.type === type && !isOver(operation.state));
  const key = `first-start-${entity.id}-${type}-${recentOperations.length}`;
  const { id, title } =
    going ?? (await api.post<OperationView>(`${path}/operations`, { type, input, reason: 'first start' }, key));
  const page = `${config.api.publicUrl}/operations/${id}`;
  say(`  ${title} ${String(entity.values.name)}: ${page}`);
  if (going) await retryWhatAsks(api, id);
  const operation = await waitForEnd(api, id);
  if (operation.state === 'succeeded') return;
  const [asked] = operation.attentions;
  if (asked) throw new AppError('unavailable', `"${title}" needs attention: ${asked.message} See ${page}`);
  const reason = operation.message ? `: ${operation.message}` : '.';
  throw new AppError('unavailable', `"${title}" has ${operation.state}${reason} See ${page}`);
}

/** Whoever starts everything again wants the sample to be tried again, too. */
async function retryWhatAsks(api: LocalApi, id: string): Promise<void> {
  const { attentions } = await api.get<OperationView>(`/api/operations/${id}`);
  for (const { operation, id: attention, choices, isDecided } of attentions) {
    if (isDecided || !choices.includes('retry')) continue;
    await api.post(`/api/operations/${operation}/decisions`, { attention, choice: 'retry', inputs: {} });
  }
}

async function waitForEnd(api: LocalApi, id: string): Promise<OperationView> {
  // Ten minutes: the sample takes seconds; whatever takes longer is better looked at in the browser.
  const end = Date.now() + 600_000;
  for (;;) {
    const operation = await api.get<OperationView>(`/api/operations/${id}`);
    if (isOver(operation.state) || operation.attentions.some(({ isDecided }) => !isDecided)) return operation;
    if (Date.now() > end) throw new AppError('unavailable', `"${operation.title}" has not ended in ten minutes.`);
    await delay(300);
  }
}

const fileOf = (home: string) => join(home, 'sample.json');

function readProgress(home: string): Progress {
  try {
    const read = JSON.parse(readFileOrNothing(fileOf(home))) as Partial<Progress>;
    return { done: read.done === true, ...(typeof read.server === 'string' ? { server: read.server } : {}) };
  } catch {
    return { done: false };
  }
}

function writeProgress(home: string, progress: Progress): void {
  writeFileSync(`${fileOf(home)}.new`, `${JSON.stringify(progress)}\n`);
  renameSync(`${fileOf(home)}.new`, fileOf(home));
}
