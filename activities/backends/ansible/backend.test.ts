import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Run } from '../backend.ts';
import { createBackends, createSshMasters, type ForkServer } from '../index.ts';
import {
  countProcesses,
  type Folder,
  leftIn,
  makeFolder,
  makeRun,
  makeServer,
  python,
  type RecordedReport,
  recordReport,
  startForkServer,
} from '../test-run.ts';

// Each run of Ansible takes one to three seconds, more on a machine that is busy.
vi.setConfig({ testTimeout: 60_000 });

let base: string;
let role: Folder | undefined;
let own: string;
let forkServer: ForkServer | undefined;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'aegir-test-base-'));
  own = await mkdtemp(join(tmpdir(), 'aegir-test-own-'));
});
afterEach(() => role?.remove());
afterAll(async () => {
  await rm(base, { recursive: true, force: true });
  await rm(own, { recursive: true, force: true });
});

function backend() {
  const dependencies = { python, runFolder: base, environment: { PATH: process.env.PATH ?? '' } };
  return createBackends({
    ...dependencies,
    ...(forkServer ? { forkServer } : {}),
    masters: createSshMasters(dependencies),
  }).ansible;
}

const never = new AbortController().signal;

/** Runs tasks as a role, and checks that its private folder is gone. */
async function play(
  tasks: string,
  values: Partial<Run> = {},
  files: Record<string, string> = {},
  {
    signal = never,
    report = recordReport(),
    token,
  }: { signal?: AbortSignal; report?: RecordedReport; token?: string } = {},
) {
  role = await makeFolder({ 'tasks/main.yml': tasks, ...files });
  const result = await backend().run(makeRun({ folder: role.path, ...values }), report, signal, token);
  expect(await leftIn(base)).toEqual([]);
  return { result, report, text: report.lines.join('\n') };
}

describe.each([
  { start: 'by itself', forked: false },
  { start: 'as a copy of the fork server', forked: true },
])('Ansible, started $start,', ({ forked }) => {
  beforeAll(async () => {
    forkServer = forked ? await startForkServer(own) : undefined;
  });
  afterAll(() => forkServer?.close());

  test('values, custom fields, keys and outputs that look like templates arrive as these characters', async () => {
    const nasty = "{{ lookup('pipe','id') }}";
    const { result } = await play(
      `
- ansible.builtin.copy:
    dest: "{{ out }}"
    mode: "0600"
    content: "{{ [title, names, deep, aegir.fields] | to_json }}"
- ansible.builtin.set_stats:
    data: {title: "{{ title }}", deep: "{{ deep }}"}
    per_host: false
`,
      {
        arguments: {
          title: nasty,
          names: [nasty, [nasty]],
          deep: { [nasty]: [{ x: nasty }] },
          out: join(tmpdir(), `aegir-test-${process.pid}`),
        },
        context: { fields: { environment: { contact: nasty } } },
      },
    );
    const path = join(tmpdir(), `aegir-test-${process.pid}`);
    const written = await readFile(path, 'utf8');
    await rm(path);
    expect(JSON.parse(written)).toEqual([
      nasty,
      [nasty, [nasty]],
      { [nasty]: [{ x: nasty }] },
      { environment: { contact: nasty } },
    ]);
    expect(result).toEqual({
      status: 'succeeded',
      exitCode: 0,
      changed: true,
      outputs: { title: nasty, deep: { [nasty]: [{ x: nasty }] } },
      message: '',
    });
  });

  test('marks stand between the lines that they belong to, and lines are what Ansible prints', async () => {
    const { report } = await play(`
- name: Say hello
  ansible.builtin.debug: {msg: hello}
- name: Fail softly
  ansible.builtin.command: {argv: ["false"]}
  changed_when: false
  ignore_errors: true
- name: Leave out
  ansible.builtin.debug: {msg: never}
  when: false
`);
    const shown = report.marks.map(mark => [mark.kind, mark.name ?? '', mark.status ?? '']);
    expect(shown).toEqual([
      ['play', 'Try something', ''],
      ['task', 'try_something : Say hello', ''],
      ['result', 'Say hello', 'ok'],
      ['task', 'try_something : Fail softly', ''],
      ['result', 'Fail softly', 'ignored'],
      ['task', 'try_something : Leave out', ''],
      ['result', 'Leave out', 'skipped'],
      ['stats', '', ''],
    ]);
    const [, task, result] = report.marks;
    const between = report.lines.slice(task?.line, result?.line).join('\n');
    expect(between).toMatch(/^\nTASK \[try_something : Say hello\] \*+\n/);
    expect(between).toContain('"msg": "hello"');
    // Colours are kept.
    expect(between).toContain('\u001b[0;32mok');
    expect(result).toMatchObject({ host: 'worker', data: { uuid: task?.data?.uuid } });
    expect(report.lines.join('\n')).toContain('PLAY RECAP');
  });

  test('warnings stand where they are given', async () => {
    const { report } = await play(`
- name: First
  ansible.builtin.command: {argv: ["true"]}
  changed_when: false
- name: Odd
  ansible.builtin.fail: {msg: "{{ 'x' | ansible.builtin.mandatory }}"}
  ignore_errors: "{{ undefined_one is not defined }}"
- name: Last
  ansible.builtin.debug: {msg: end}
`);
    const at = (text: string) => report.lines.findIndex(line => line.includes(text));
    expect(at('[ERROR]')).toBeGreaterThan(at('TASK [try_something : Odd]'));
    expect(at('[ERROR]')).toBeLessThan(at('TASK [try_something : Last]'));
  });

  test('a failed task is named with its host and the tool’s own words', async () => {
    const { result } = await play(`
- name: Copy the moon
  ansible.builtin.command: {argv: [ls, /no/moon]}
`);
    expect(result).toMatchObject({ status: 'failed', exitCode: 2 });
    expect(result.message).toMatch(/^Task “Copy the moon” failed on worker: .*No such file or directory\.$/);
  });

  test('a failure in a loop names the reason of the item', async () => {
    const { result } = await play(`
- name: Try each
  ansible.builtin.command: {argv: [ls, "{{ item }}"]}
  loop: [/, /no/sun]
`);
    expect(result.message).toContain('/no/sun');
  });

  test('a rescued failure is a success', async () => {
    const { result } = await play(`
- block:
    - ansible.builtin.fail: {msg: broken}
  rescue:
    - ansible.builtin.debug: {msg: repaired}
`);
    expect(result).toMatchObject({ status: 'succeeded', exitCode: 0, changed: false, message: '' });
  });

  test('arguments that break argument_specs are refused by Ansible, each with its reason', async () => {
    const { result } = await play(
      '- ansible.builtin.debug: {msg: never}',
      { arguments: { port: 'many' } },
      {
        'meta/argument_specs.yml':
          'argument_specs: {main: {options: {port: {type: int, description: p}, path: {type: path, required: true, description: q}}}}',
      },
    );
    expect(result.status).toBe('failed');
    expect(result.message).toContain('missing required arguments: path');
    expect(result.message).toContain('many');
  });

  test('a role that Ansible cannot read fails with what Ansible says', async () => {
    const { result } = await play('- name: [broken');
    expect(result.status).toBe('failed');
    expect(result.message).toMatch(/^Ansible ended with code \d+: .*YAML/);
  });

  test('an override lies over the template of the role, which itself stays as it is', async () => {
    const { text } = await play(
      `- ansible.builtin.debug: {msg: "{{ lookup('ansible.builtin.template', 'greeting.j2') }}"}`,
      { templates: { 'greeting.j2': 'mine' }, arguments: {} },
      { 'templates/greeting.j2': 'theirs' },
    );
    expect(text).toContain('"msg": "mine"');
  });

  test('a secret is neither kept, nor in an environment, nor on a command line, and no_log hides it', async () => {
    const { text, report } = await play(
      `
- name: Look
  ansible.builtin.shell: {cmd: "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\\\0' '\\\\n' | grep -c hunter[2] || true"}
  register: try_something_seen
  changed_when: false
- ansible.builtin.debug: {msg: "seen {{ try_something_seen.stdout }}"}
- name: Hide
  ansible.builtin.command: {argv: [echo, "{{ password }}"]}
  no_log: true
`,
      { arguments: { password: 'hunter2' }, secretArguments: ['password'] },
    );
    expect(text).toContain('seen 0');
    expect(text).not.toContain('hunter2');
    expect(JSON.stringify(report.marks)).not.toContain('hunter2');
    expect(JSON.stringify(report.files)).not.toContain('hunter2');
  });

  test('what is kept runs by hand', async () => {
    const { report } = await play('- ansible.builtin.debug: {msg: "{{ title }}"}', { arguments: { title: '{{ 1 }}' } });
    const folder = await makeFolder({
      ...report.files,
      'roles/try_something/tasks/main.yml': '- ansible.builtin.debug: {msg: "{{ title }}"}',
    });
    const argv = (report.files.COMMAND ?? '').split('ansible-playbook ')[1]?.trim().split(' ') ?? [];
    const { stdout } = await execa(join(python, '..', 'ansible-playbook'), argv, {
      cwd: folder.path,
      env: { ANSIBLE_LIBRARY: join(import.meta.dirname, 'library') },
    });
    await folder.remove();
    expect(stdout).toContain('"msg": "{{ 1 }}"');
  });

  test('a preview changes nothing, shows the difference, and its token binds the run', async () => {
    const path = join(tmpdir(), `aegir-test-preview-${process.pid}`);
    await writeFile(path, 'old\n');
    const tasks = `- name: Write
  ansible.builtin.template: {src: page.j2, dest: "{{ out }}", mode: "0644"}`;
    const files = { 'templates/page.j2': 'new {{ word }}\n', 'tasks/main.yml': tasks };
    role = await makeFolder(files);
    await chmod(path, 0o644);
    const run = makeRun({ folder: role.path, arguments: { out: path, word: 'one' } });
    const preview = await backend().preview(run, recordReport(), never);
    expect(await readFile(path, 'utf8')).toBe('old\n');
    expect(preview.changed).toBe(true);
    expect(preview.diff).toContain('-old\n+new one');
    const other = await backend().run(
      { ...run, arguments: { out: path, word: 'two' } },
      recordReport(),
      never,
      preview.token,
    );
    expect(other).toMatchObject({ status: 'failed', changed: false });
    expect(await readFile(path, 'utf8')).toBe('old\n');
    const same = await backend().run(run, recordReport(), never, preview.token);
    expect(same).toMatchObject({ status: 'succeeded', changed: true });
    expect(await readFile(path, 'utf8')).toBe('new one\n');
    await rm(path);
  });

  test('cancel leaves no process, and says so', async () => {
    const mark = `7${process.pid}1`;
    const abort = new AbortController();
    const report = recordReport();
    void report.until('up').then(() => abort.abort());
    const { result } = await play(
      `- aegir_stream: {argv: [sh, -c, "trap '' TERM; echo up; setsid sleep ${mark} & sleep ${mark}; sleep ${mark}"]}`,
      {},
      {},
      { signal: abort.signal, report },
    );
    expect(result.status).toBe('cancelled');
    expect(await countProcesses(`sleep ${mark}`)).toBe(0);
  });

  test('a Server with a local connection is this machine with the Server’s own interpreter', async () => {
    const server = makeServer({ name: 'this-machine', connection: 'local', python });
    const { result, report } = await play('- ansible.builtin.command: {argv: ["true"]}', { target: 'server', server });
    expect(result.status).toBe('succeeded');
    expect(report.marks.find(mark => mark.kind === 'result')?.host).toBe('this-machine');
  });

  test('what is missing is said before anything is started', async () => {
    role = await makeFolder({ README: '' });
    const server = makeServer({ sshKey: '', address: '' });
    const mistakes = await backend().check(makeRun({ folder: role.path, target: 'server', server }));
    expect(mistakes).toEqual([
      'The Task type try_something has no tasks/main.yml, so Ansible cannot run it.',
      'The Server web1 has no address.',
      'The Server web1 has no SSH private key.',
    ]);
  });
});
