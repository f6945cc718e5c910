// The git repository of the sample site, made once out of examples/hello-site. It is an ordinary one: people may push to it.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AppError } from '../model/errors.ts';

/** Answers its URL. */
export function keepSampleRepository(home: string, installation: string): string {
  const folder = join(home, 'sample', 'hello-site.git');
  if (!existsSync(folder)) makeRepository(folder, join(installation, 'examples', 'hello-site'));
  return pathToFileURL(folder).href;
}

function makeRepository(folder: string, source: string): void {
  const draft = `${folder}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(dirname(folder), { recursive: true });
  git(['init', '--quiet', '--bare', '--initial-branch=main', draft]);
  const inside = ['--git-dir', draft, '--work-tree', source, '-c', 'core.bare=false'];
  git([...inside, 'add', '--all']);
  git([...inside, 'commit', '--quiet', '--message', 'Say hello']);
  renameSync(draft, folder);
}

function git(args: string[]): void {
  const result = spawnSync('git', args, { encoding: 'utf8', env: { ...process.env, ...neutral } });
  if (result.status === 0) return;
  const reason = result.error ? 'git is missing: install it' : result.stderr.trim();
  throw new AppError('unavailable', `The sample repository cannot be made: ${reason}.`, { cause: result.error });
}

// Nobody's name, hooks, signatures or templates; the same commit on every machine.
const neutral = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TEMPLATE_DIR: '',
  GIT_DIR: undefined,
  GIT_WORK_TREE: undefined,
  GIT_INDEX_FILE: undefined,
  GIT_AUTHOR_NAME: 'Aegir',
  GIT_AUTHOR_EMAIL: 'aegir@localhost',
  GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z',
  GIT_COMMITTER_NAME: 'Aegir',
  GIT_COMMITTER_EMAIL: 'aegir@localhost',
  GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z',
};
