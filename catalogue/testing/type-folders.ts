// Writes whole folders of types for tests, from texts by path.

import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { CataloguePaths } from '../find-types.ts';

export interface TypeFolders extends AsyncDisposable {
  root: string;
  paths: CataloguePaths;
  /** Adds or replaces files; null removes one. A path that ends in `!` is executable. */
  write(files: Record<string, string | Uint8Array | null>): Promise<void>;
}

export async function makeTypeFolders(files: Record<string, string | Uint8Array | null> = {}): Promise<TypeFolders> {
  const root = await mkdtemp(join(tmpdir(), 'aegir-catalogue-'));
  const paths = {
    roles: [join(root, 'roles')],
    operations: [join(root, 'operations')],
    applications: [join(root, 'applications')],
  };
  for (const [folder] of Object.values(paths)) await mkdir(folder ?? root, { recursive: true });
  const write: TypeFolders['write'] = async changed => {
    for (const [path, text] of Object.entries(changed)) await writeOne(join(root, path), text);
  };
  await write(files);
  return { root, paths, write, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

async function writeOne(path: string, text: string | Uint8Array | null): Promise<void> {
  const file = path.replace(/!$/, '');
  if (text === null) return rm(file, { recursive: true, force: true });
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  if (path.endsWith('!')) await chmod(file, 0o755);
}

/** A small catalogue without a mistake: what the format can do, on every kind of type. */
export const goodTypes: Record<string, string> = {
  'roles/deploy_release/meta/argument_specs.yml': `
argument_specs:
  main:
    short_description: Deploy a release.
    description: [Fetches the code., It lies below the base folder.]
    required_together: [[user, token]]
    options:
      repository:
        type: str
        description: Where the code is
        required: true
      hash: {type: str, description: Commit, required: true}
      deploy_key: {type: str, description: Key, no_log: true}
      depth:
        type: int
        description: History to fetch
        default: 1
      user: {type: str, description: User}
      token: {type: str, description: Token, no_log: true}
`,
  'roles/deploy_release/meta/aegir.yml': `
target: server
arguments:
  repository: {from: project.repository, format: git_url}
  hash: {from: release.hash, ask: false, missing: Build it first.}
  deploy_key: {from: project.deploy_key}
  depth: {remember: true}
outputs:
  path: {type: path, sets: presence.path, help: Folder}
  branches: {type: list, sets: project.refs}
timeout: 600
retry: {attempts: 2}
undo: remove_release
`,
  'roles/deploy_release/defaults/main.yml': 'depth: 1\ndeploy_release_cache: /var/cache\n',
  'roles/deploy_release/tasks/main.yml': '- ansible.builtin.debug:\n',
  'roles/deploy_release/templates/nested/a.j2': 'a',
  'roles/deploy_release/templates/b.j2': 'b',
  'roles/remove_release/meta/argument_specs.yml': `
argument_specs: {main: {short_description: Remove a release, options: {path: {type: path, description: Folder, required: true}}}}
`,
  'roles/remove_release/meta/aegir.yml':
    'target: server\narguments: {path: {ask: false, missing: Nothing is deployed.}}\n',
  'roles/remove_release/tasks/main.yml': '[]\n',
  'roles/install_static/meta/argument_specs.yml': `
argument_specs:
  main:
    short_description: Install
    options:
      path: {type: path, description: Folder, required: true}
      docroot: {type: str, description: Folder to show, default: .}
`,
  'roles/install_static/meta/aegir.yml':
    'target: worker\nchanges: true\noutputs: {url: {type: str, sets: environment.url}}\n',
  'roles/install_static/shell/run!': '#!/bin/sh\necho {} > "$AEGIR_OUTPUTS"\n',
  'applications/static/application.yml': `
title: Static files
description: Served as they are.
recognised_by: [index.html]
values: {docroot: .}
database: optional
php: true
verbs: {install: install_static}
`,
  'operations/build_release.yml': `
title: Build
description: Puts a release on a server.
on: release
when: [new, verified, failed]
fields:
  server: {type: reference, to: server, required: true, description: Where to, label: Server}
locks: {release: exclusive, server: shared}
states: {succeeded: verified, failed: failed}
steps:
  - {id: code, task: deploy_release, undo: remove_release, undo_with: {path: $steps.code.path}}
`,
  'operations/install_environment.yml': `
title: Install
description: Creates the site.
on: environment
when: [new, broken]
for: {cluster: [servers], application: [static]}
minimum_role: engineer
states: {begin: installing, succeeded: enabled, failed: broken, cancelled: broken}
steps:
  - {id: build, operation: build_release, on: release, with: {server: $environment.web_server, depth: 5}}
  - id: both
    parallel:
      - {id: install, task: $application.install, with: {path: $steps.build.code.path}}
      - {id: again, task: install_static, with: {path: $server.base_path, docroot: $$home}}
`,
};
