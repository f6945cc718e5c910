// A site with files and a database on another host, whose backups are made by roles alone into a folder of this machine.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DatabaseHosts, startDatabaseHosts } from './database-host.ts';
import { type PlayResult, playRole, words } from './play-role.ts';
import { type RepositoryServer, startRepositoryServer } from './repository-server.ts';
import type { ExecResult } from './test-host.ts';

export const siteHash = 'a'.repeat(40);
export const siteRepository = '01J00000000000000000000000';
export const sitePath = '/var/lib/aegir/environments/shop';

type Values = Record<string, unknown>;

export interface BackupSite {
  hosts: DatabaseHosts;
  /** Where the repositories lie. */
  folder: string;
  server: RepositoryServer;
  values: Values;
  /** Fields of its Backup store. */
  store: Values;
  onWeb(command: string): Promise<string>;
  /** By the site's own account. */
  sql(text: string): Promise<ExecResult>;
  attempt(role: string, more?: Values): Promise<PlayResult>;
  play(role: string, more?: Values): Promise<PlayResult>;
  /** What a role says that is to fail. */
  refused(role: string, more?: Values): Promise<string>;
  /** Returns the snapshot. */
  backUp(more?: Values): Promise<string>;
  stop(): Promise<void>;
}

export async function startBackupSite(prefix: string, content: string): Promise<BackupSite> {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-store-'));
  const hosts = await startDatabaseHosts(prefix, true);
  const server = await startRepositoryServer(folder, hosts.web.gateway);
  const stop = async () => {
    await server.stop();
    await hosts.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const database_password = 'k3'.repeat(24);
    const sql = (text: string) =>
      hosts.connect('aegir_shop', database_password, `USE aegir_shop; SET NAMES utf8mb4; ${text}`);
    const store = { type: 'rest', address: server.url, password: 'correct horse' };
    const values = { ...(await makeSite(hosts, database_password)), store };
    const { stderr } = await sql(content);
    if (stderr) throw new Error(stderr);
    return { hosts, folder, server, values, store, sql, stop, ...waysToPlay(hosts, values) };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function makeSite(hosts: DatabaseHosts, database_password: string): Promise<Values> {
  const prepared = await playRole('prepare_environment', { environment_name: 'shop' }, { host: hosts.web });
  const made = await hosts.play('create_database', {
    ...{ environment_name: 'shop', database_password, ca: hosts.ca },
    ...{ client_address: hosts.web.address, host: hosts.database.address },
  });
  return {
    ...{ environment_name: 'shop', environment_path: sitePath, environment_user: prepared.outputs.user },
    ...{ deployed_hash: siteHash, database: made.outputs.database, database_password },
    ...{ environment_id: siteRepository, repository: siteRepository },
  };
}

function waysToPlay(hosts: DatabaseHosts, values: Values) {
  let tasks = 0;
  const attempt: BackupSite['attempt'] = (role, more = {}) => {
    const aegir = { task: `T${++tasks}`, feedback_url: 'http://127.0.0.1:9/', feedback_token: 'none' };
    return playRole(role, { aegir, ...values, ...more }, { host: hosts.web });
  };
  const play: BackupSite['play'] = async (role, more = {}) => {
    const result = await attempt(role, more);
    if (result.code !== 0) throw new Error(`${role} failed:\n${result.output}`);
    return result;
  };
  const refused: BackupSite['refused'] = async (role, more = {}) => {
    const result = await attempt(role, more);
    if (result.code !== 2) throw new Error(`${role} was to fail:\n${result.output}`);
    return words(result);
  };
  const backUp: BackupSite['backUp'] = async (more = {}) => {
    const { dump } = (await play('dump_database', more)).outputs;
    return String((await play('store_backup', { dump, ...more })).outputs.snapshot);
  };
  const onWeb = async (command: string) => (await hosts.web.exec(command)).stdout;
  return { attempt, play, refused, backUp, onWeb };
}
