// A WordPress site by the roles alone, on a web and a database host: everything but nginx, and values to play roles with.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { type DatabaseHosts, startDatabaseHosts } from './database-host.ts';
import { startGitServer } from './git-server.ts';
import { type PlayOptions, type PlayResult, playRole, words } from './play-role.ts';
import { makeWordPressRepository } from './wordpress-repository.ts';

type Values = Record<string, unknown>;

export interface WordPressHosts {
  hosts: DatabaseHosts;
  /** Arguments of create_database. */
  database: Values;
  /** Arguments of the roles, without a title and the like. */
  values: Values;
  /** Plays on the web host; throws with the output when it fails. */
  play(role: string, values?: Values, options?: PlayOptions): Promise<PlayResult>;
  /** A play that must fail; what it said. */
  refused(role: string, values?: Values, options?: PlayOptions): Promise<string>;
  /** The answer of shell/run of a role, as root carries it out there; its last words when it fails. */
  act(role: string, values?: Values): Promise<Values | string>;
  stop(): Promise<void>;
}

export async function startWordPressHosts(prefix: string): Promise<WordPressHosts> {
  const repositories = await mkdtemp(join(tmpdir(), 'aegir-repositories-'));
  const [hosts, hash] = await Promise.all([
    startDatabaseHosts(prefix, true),
    makeWordPressRepository(join(repositories, 'blog')),
  ]);
  const git = await startGitServer(repositories, hosts.web.gateway);
  const values: Values = { environment_name: 'blog', hash, primary_name: 'blog.test', url: 'http://blog.test' };
  const site = { hosts, values, database: {}, ...actions(hosts, values) };
  const stop = async () => {
    await git.stop();
    await hosts.stop();
    await rm(repositories, { recursive: true, force: true });
  };
  try {
    await prepare(site, `${git.url}/blog`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...site, stop };
}

async function prepare(site: Omit<WordPressHosts, 'stop'>, repository: string): Promise<void> {
  const secrets = { database_password: 'k3'.repeat(24), salt: `it's \\ salt $x`.repeat(3) };
  const { hosts, values, play } = site;
  // Sites need more of PHP than the client of the tests of databases.
  await play('prepare_web_server', { php_versions: ['8.2'] }, { facts: true });
  const place = await play('prepare_environment');
  Object.assign(values, secrets, {
    environment_path: place.outputs.path,
    environment_user: place.outputs.user,
    docroot: '.',
    files: 'wp-content/uploads',
  });
  Object.assign(site.database, {
    ...{ environment_name: 'blog', database_password: secrets.database_password, ca: hosts.ca },
    ...{ client_address: hosts.web.address, host: hosts.database.address },
  });
  const [database, code] = await Promise.all([
    hosts.play('create_database', site.database),
    play('deploy_release', { repository, project_name: 'blog' }),
  ]);
  Object.assign(values, { database: database.outputs.database, release_path: code.outputs.path });
  await play('run_php', { php_versions: ['8.2'] });
  values.code_path = (await play('place_release')).outputs.code_path;
  await play('switch_release');
}

function actions(hosts: DatabaseHosts, common: Values): Pick<WordPressHosts, 'play' | 'refused' | 'act'> {
  const attempt = (role: string, values: Values, options: PlayOptions) =>
    playRole(role, { ...common, ...values }, { host: hosts.web, ...options });
  return {
    async play(role, values = {}, options = {}) {
      const result = await attempt(role, values, options);
      if (result.code !== 0) throw new Error(`${role} failed:\n${result.output}`);
      return result;
    },
    async refused(role, values = {}, options = {}) {
      const result = await attempt(role, values, options);
      if (result.code !== 2) throw new Error(`${role} was to fail:\n${result.output}`);
      return words(result);
    },
    act: (role, values = {}) => act(hosts, role, { ...common, ...values }),
  };
}

async function act({ web }: DatabaseHosts, role: string, values: Values): Promise<Values | string> {
  const folder = `/run/act-${role}`;
  // Dereferenced: what several roles share is a link.
  const { stdout: files } = await execa('tar', ['-C', join(import.meta.dirname, '../roles', role), '-ch', 'shell'], {
    encoding: 'buffer',
  });
  const input = Buffer.from(JSON.stringify({ arguments: values, aegir: {} })).toString('base64');
  const { code, stdout, stderr } = await web.exec(
    `rm -rf ${folder} && mkdir ${folder} && cd ${folder} && base64 -d <<'END' | tar -x && base64 -d <<'DATA' | AEGIR_OUTPUTS=outputs shell/run && cat outputs
${Buffer.from(files).toString('base64')}
END
${input}
DATA`,
  );
  // What it prints comes before its outputs.
  return code === 0 ? (JSON.parse(stdout.split('\n').at(-1) ?? '') as Values) : `${stdout}${stderr}`.trim();
}
