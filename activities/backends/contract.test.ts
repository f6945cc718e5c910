// The contract of back ends, for each of ours.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { noTerraform } from '../../test/terraform.ts';
import { createBackends, createSshMasters } from './index.ts';
import { python } from './test-run.ts';
import { describeBackend, type Files } from './testing/contract.ts';
import { createMemoryStore, type MemoryStore } from './testing/terraform-store.ts';

const backendsIn = (base: string) =>
  createBackends({
    python,
    runFolder: base,
    environment: { PATH: process.env.PATH ?? '' },
    masters: createSshMasters({ runFolder: base }),
    terraform: { program: '', plugins: join(base, 'plugins'), store },
  });

const written = {
  arguments: (base: string) => ({ path: join(base, 'written') }),
  count: async (base: string) => (existsSync(join(base, 'written')) ? 1 : 0),
};

const tasks = (text: string): Files => ({ 'tasks/main.yml': text });

describeBackend('ansible', {
  create: base => backendsIn(base).ansible,
  echo: tasks('- ansible.builtin.set_stats: {data: {title: "{{ title }}"}, per_host: false}\n'),
  lines: {
    files: tasks(`- aegir_stream: {argv: [sh, -c, "echo first; echo second >&2; echo third"]}
- ansible.builtin.debug: {msg: fourth}
`),
    expected: ['first', 'second', 'third', 'fourth'],
  },
  failing: {
    files: tasks('- {name: Fail, ansible.builtin.fail: {msg: cannot reach the moon}}\n'),
    exitCode: 2,
    message: 'cannot reach the moon',
  },
  endless: {
    files: tasks(
      `- aegir_stream: {argv: [sh, -c, "cat >/dev/null; trap '' TERM; setsid sleep 600 & echo up; sleep 600; sleep 600"], stdin: "{{ password }}"}\n`,
    ),
    up: 'up',
  },
  effect: { files: tasks('- ansible.builtin.copy: {content: x, dest: "{{ path }}", mode: "0600"}\n'), ...written },
  missing: 'has no tasks/main.yml',
  previews: true,
});

const program = (text: string): Files => ({ 'shell/run': `#!/usr/bin/env bash\n${text}\n` });
const given = (name: string) => `python3 -c 'import json, sys; print(json.load(sys.stdin)["arguments"]["${name}"])'`;

describeBackend('shell', {
  create: base => backendsIn(base).shell,
  echo: {
    'shell/run': `#!/usr/bin/env python3
import json, os, sys
title = json.load(sys.stdin)['arguments']['title']
json.dump({'title': title}, open(os.environ['AEGIR_OUTPUTS'], 'w'))
`,
  },
  lines: {
    files: program('for i in first second; do echo 1 $i; echo 2 $i >&2; done; printf "1 last"'),
    expected: ['1 first', '2 first', '1 second', '2 second', '1 last'],
  },
  failing: {
    files: program('echo first; echo cannot reach the moon >&2; exit 3'),
    exitCode: 3,
    message: 'Try something ended with code 3: cannot reach the moon',
  },
  endless: {
    files: program("cat >/dev/null; trap '' TERM; setsid sleep 600 & echo up; while :; do sleep 600; done"),
    up: 'up',
  },
  effect: { files: program(`touch "$(${given('path')})"`), ...written },
  missing: 'The Task type try_something has no shell/run.',
  previews: false,
});

let store: MemoryStore = createMemoryStore();
const module = (text: string): Files => ({ 'terraform/main.tf': text });
const thing = { kind: 'project' as const, id: 'thing', name: 'thing', organisation: 'o' };

describeBackend('terraform', {
  skipped: noTerraform(),
  create: base => {
    // What one test has made is not the next one's.
    store = createMemoryStore();
    return backendsIn(base).terraform;
  },
  run: { state: thing },
  echo: module('variable "title" {}\noutput "title" { value = var.title }\n'),
  lines: {
    files: module(`resource "terraform_data" "first" {}
resource "terraform_data" "second" { input = terraform_data.first.id }
resource "terraform_data" "third" { input = terraform_data.second.id }
`),
    expected: ['first: Creation complete', 'second: Creation complete', 'third: Creation complete'],
  },
  failing: {
    files: module(`resource "terraform_data" "first" {
  lifecycle {
    postcondition {
      condition     = self.id == ""
      error_message = "cannot reach the moon"
    }
  }
}
`),
    exitCode: 1,
    message: /cannot reach the moon.* What was made until then is in the state/,
  },
  endless: {
    files: module(`variable "password" {
  sensitive = true
}
resource "terraform_data" "first" { input = var.password }
${Array.from({ length: 20 }, (_, at) => `resource "terraform_data" "n${at}" { input = bcrypt(terraform_data.${at === 0 ? 'first' : `n${at - 1}`}.id, 16) }`).join('\n')}
`),
    up: 'first: Creation complete',
  },
  effect: {
    files: module('variable "path" {}\nresource "terraform_data" "one" { input = var.path }\n'),
    arguments: base => ({ path: base }),
    count: async () => store.count(thing.id),
  },
  missing: 'The Task type try_something has no terraform/*.tf.',
  previews: true,
});
