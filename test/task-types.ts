// Writes Task and Operation types of a suite into a temporary folder, as an engineer would put them beside ours.

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface TypeFolder {
  path: string;
  put(file: string, text: string): void;
  take(file: string): void;
  /** Runs on the worker by the backend shell; `options` are the arguments of argument_specs. */
  shellTask(name: string, script: string, parts?: TaskParts): void;
  /** Runs on the Server (or the worker) by Ansible; `tasks` is the text of tasks/main.yml. */
  ansibleTask(name: string, tasks: string, parts?: TaskParts): void;
  /** Runs on the worker by Terraform; `main` is the text of terraform/main.tf. */
  terraformTask(name: string, main: string, parts?: TaskParts): void;
  /** Works in a Kubernetes cluster; `files` of kubernetes/ by name. */
  clusterTask(name: string, files: Record<string, string>, parts?: TaskParts): void;
  /** An Operation type with the given steps, in YAML flow style. */
  operation(name: string, on: string, steps: string, more?: string): void;
  remove(): void;
}

export interface TaskParts {
  /** YAML flow entries: `who: {type: str, description: Whom}`. */
  options?: string;
  /** Further lines of meta/aegir.yml. */
  meta?: string;
  target?: 'worker' | 'server' | 'cluster';
}

export function makeTypeFolder(): TypeFolder {
  const path = mkdtempSync(join(tmpdir(), 'aegir-types-'));
  for (const folder of ['roles', 'operations', 'applications']) mkdirSync(join(path, folder));
  const put = (file: string, text: string) => {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), text);
    if (text.startsWith('#!')) chmodSync(join(path, file), 0o755);
  };
  const describe = (name: string, target: string, { options = '', meta = '' }: TaskParts) => {
    const spec = `short_description: ${name}\n    description: For tests.\n    options: {${options}}\n`;
    put(`roles/${name}/meta/argument_specs.yml`, `argument_specs:\n  main:\n    ${spec}`);
    put(`roles/${name}/meta/aegir.yml`, `target: ${target}\n${meta}`);
  };
  return {
    path,
    put,
    take: file => rmSync(join(path, file)),
    shellTask(name, script, parts = {}) {
      describe(name, parts.target ?? 'worker', parts);
      put(`roles/${name}/shell/run`, `#!/bin/sh\n${script}\n`);
    },
    ansibleTask(name, tasks, parts = {}) {
      describe(name, parts.target ?? 'server', parts);
      put(`roles/${name}/tasks/main.yml`, tasks);
    },
    terraformTask(name, main, parts = {}) {
      describe(name, 'worker', parts);
      put(`roles/${name}/terraform/main.tf`, main);
    },
    clusterTask(name, files, parts = {}) {
      describe(name, parts.target ?? 'cluster', parts);
      for (const [file, text] of Object.entries(files)) put(`roles/${name}/kubernetes/${file}`, text);
    },
    operation(name, on, steps, more = '') {
      put(`operations/${name}.yml`, `title: ${name}\ndescription: For tests.\non: ${on}\n${more}steps: ${steps}\n`);
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
