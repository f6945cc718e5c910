// A real web server for tests of roles: a test host prepared by our own role, repositories that it can fetch, and a way to
// ask its sites by name.

import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type GitServer, startGitServer } from './git-server.ts';
import { type PlayOptions, type PlayResult, playRole } from './play-role.ts';
import { startTestHost, type TestHost } from './test-host.ts';

export interface SiteHost {
  host: TestHost;
  git: GitServer;
  /** Where repositories are: `commitFiles(join(repositories, 'site'), …)` is served as `${git.url}/site`. */
  repositories: string;
  /** Throws with the output when the play fails. */
  play(role: string, values: Record<string, unknown>, options?: PlayOptions): Promise<PlayResult>;
  /** Status and text of a page, asked by name at the host's address. */
  ask(name: string, path?: string): Promise<string>;
  stop(): Promise<void>;
}

/** `server`: values of prepare_web_server. */
export async function startSiteHost(prefix: string, server: Record<string, unknown> = {}): Promise<SiteHost> {
  const repositories = await mkdtemp(join(tmpdir(), 'aegir-repositories-'));
  const host = await startTestHost(prefix, 'web');
  const git = await startGitServer(repositories, host.gateway);
  const play = async (role: string, values: Record<string, unknown>, options: PlayOptions = {}) => {
    const result = await playRole(role, values, { host, ...options });
    if (result.code !== 0) throw new Error(`${role} failed:\n${result.output}`);
    return result;
  };
  const stop = async () => {
    await git.stop();
    await host.stop();
    await rm(repositories, { recursive: true, force: true });
  };
  try {
    await play('prepare_web_server', server, { facts: true });
  } catch (error) {
    await stop();
    throw error;
  }
  return { host, git, repositories, play, ask: (name, path = '/') => askPage(host.address, name, path), stop };
}

export function askPage(host: string, name: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ host, port: 80, path, headers: { host: name } }, async response => {
      let text = '';
      for await (const part of response) text += part;
      resolve(`${response.statusCode} ${text}`);
    });
    call.once('error', reject).end();
  });
}
