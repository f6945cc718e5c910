// A toy "joomla": an application type with Task types of its own, as somebody would put them beside ours, and a codebase.

import { commitFiles } from './git-server.ts';
import type { TypeFolder } from './task-types.ts';

const application = `title: Joomla
description: A toy of an application with a database, PHP and settings of its own.
recognised_by: [joomla.php]
php: true
database: required
values: {docroot: web, files: web/images, front_controller: index.php}
verbs:
  code: place_release
  runtime: run_php
  settings: write_joomla_settings
  install: install_joomla
  update: update_joomla
  login: login_joomla
  remove: remove_environment
`;

const common = `
      environment_path: {type: path, description: Folder of the Environment., required: true}`;
const code = `
      code_path: {type: path, description: Tree of the Release., required: true}`;

const spec = (title: string, options: string) =>
  `argument_specs:\n  main:\n    short_description: ${title}\n    description: Of the toy.\n    options:${options}\n`;

const roles: Record<string, { meta: string; spec: string; tasks?: string; files?: Record<string, string> }> = {
  write_joomla_settings: {
    spec: spec(
      'Write the settings of Joomla',
      `${common}
      environment_user: {type: str, description: Unix user., required: true}
      database: {type: dict, description: Its database., required: true}
      database_password: {type: str, description: Its password., required: true, no_log: true}`,
    ),
    meta: `target: server
arguments:
  environment_path: {from: environment.path, ask: false}
  environment_user: {from: environment.user, ask: false}
  database: {from: environment.database, ask: false}
  database_password: {from: environment.database_password, ask: false}
`,
    tasks: `- name: Write what the site has to know
  ansible.builtin.copy:
    content: "{{ database | combine({'password': database_password}) | to_json }}"
    dest: "{{ environment_path }}/settings/joomla.json"
    owner: root
    group: "{{ environment_user }}"
    mode: "0640"
  no_log: true
  diff: false
`,
  },
  install_joomla: {
    spec: spec(
      'Install Joomla',
      `${common}${code}
      environment_user: {type: str, description: Unix user., required: true}
      docroot: {type: str, description: Folder of the pages., required: true}
      site_name: {type: str, description: Title of the site., required: true}`,
    ),
    meta: `target: server
arguments:
  environment_path: {from: environment.path, ask: false}
  environment_user: {from: environment.user, ask: false}
  code_path: {ask: false}
  docroot: {from: [project.docroot, application.docroot]}
  site_name: {remember: true}
outputs:
  docroot: {type: str, help: Folder for the web server}
`,
    tasks: `- name: Write the page
  ansible.builtin.template:
    src: index.php.j2
    dest: "{{ code_path }}/{{ docroot }}/index.php"
    group: "{{ environment_user }}"
    mode: "0640"

- name: Make the tables
  aegir_stream:
    argv: ["{{ environment_path }}/run", php, joomla.php, install, "{{ site_name }}"]
    chdir: "{{ code_path }}"
  register: install_joomla_run
  changed_when: "'installed' in install_joomla_run.stdout_tail"

- name: Report the docroot
  ansible.builtin.set_stats:
    data:
      docroot: "{{ docroot }}"
    per_host: false
`,
    files: {
      'templates/index.php.j2': `<?php\nrequire dirname(__DIR__) . '/joomla.php';\nshow($_GET['token'] ?? '');\n`,
    },
  },
  update_joomla: {
    spec: spec('Update the database of Joomla', `${common}${code}`),
    meta: `target: server
arguments:
  environment_path: {from: environment.path, ask: false}
  code_path: {ask: false}
`,
    tasks: `- name: Bring the tables to this version
  aegir_stream:
    argv: ["{{ environment_path }}/run", php, joomla.php, update]
    chdir: "{{ code_path }}"
  register: update_joomla_run
  changed_when: "'updated' in update_joomla_run.stdout_tail"
`,
  },
  login_joomla: {
    spec: spec('Log in to Joomla', `${common}\n      url: {type: str, description: Address., required: true}`),
    meta: `target: server
arguments:
  environment_path: {from: environment.path, ask: false}
  url: {from: environment.url, ask: false}
outputs:
  url: {type: str, help: Link that signs in once}
`,
    files: {
      'shell/run': `#!/usr/bin/env python3
import json, os, subprocess, sys

arguments = json.load(sys.stdin)['arguments']
path = arguments['environment_path']
command = [path + '/run', 'php', 'joomla.php', 'login']
made = subprocess.run(command, cwd=path + '/current', stdout=subprocess.PIPE, check=True, text=True)
with open(os.environ['AEGIR_OUTPUTS'], 'w') as outputs:
    json.dump({'url': arguments['url'] + '/?token=' + made.stdout.strip()}, outputs)
`,
    },
  },
};

export function putToyApplication(types: TypeFolder): void {
  types.put('applications/joomla/application.yml', application);
  for (const [name, role] of Object.entries(roles)) {
    types.put(`roles/${name}/meta/argument_specs.yml`, role.spec);
    types.put(`roles/${name}/meta/aegir.yml`, role.meta);
    if (role.tasks) types.put(`roles/${name}/tasks/main.yml`, role.tasks);
    for (const [file, text] of Object.entries(role.files ?? {})) types.put(`roles/${name}/${file}`, text);
  }
}

const program = `<?php
function db(): mysqli {
    static $link = null;
    if ($link) return $link;
    $at = json_decode(file_get_contents(dirname(__DIR__, 2) . '/settings/joomla.json'), true);
    mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
    $link = mysqli_init();
    $link->options(MYSQLI_OPT_SSL_VERIFY_SERVER_CERT, true);
    $link->real_connect($at['host'], $at['user'], $at['password'], $at['name'], $at['port'], null, MYSQLI_CLIENT_SSL);
    return $link;
}

function value(string $sql): ?string {
    return db()->query($sql)->fetch_row()[0] ?? null;
}

function show(string $token): void {
    $title = htmlspecialchars(value('SELECT title FROM site'));
    db()->execute_query('DELETE FROM tokens WHERE token = ?', [$token]);
    $who = $token === '' ? 'a visitor' : (db()->affected_rows === 1 ? 'the administrator' : 'somebody with an old link');
    echo "<h1>$title</h1> for $who, version ", value('SELECT version FROM site'), ', PHP ', PHP_VERSION;
}

function install(string $title): void {
    if (db()->query("SHOW TABLES LIKE 'site'")->num_rows > 0) return;
    db()->query('CREATE TABLE tokens (token CHAR(32) PRIMARY KEY)');
    db()->query('CREATE TABLE site (title TEXT, version INT)');
    db()->execute_query('INSERT INTO site VALUES (?, 1)', [$title]);
    echo "installed\\n";
}

function update(): void {
    db()->query('UPDATE site SET version = 2 WHERE version < 2');
    if (db()->affected_rows > 0) echo "updated\\n";
}

function login(): void {
    $token = bin2hex(random_bytes(16));
    db()->execute_query('INSERT INTO tokens VALUES (?)', [$token]);
    echo $token;
}

if (PHP_SAPI === 'cli') ['install' => install(...), 'update' => update(...), 'login' => login(...)][$argv[1]](...array_slice($argv, 2));
`;

export function commitToyCode(repository: string): Promise<string> {
  return commitFiles(repository, { 'joomla.php': program, 'web/robots.txt': 'User-agent: *\n' });
}
