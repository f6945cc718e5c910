import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { Run } from '../backend.ts';
import { createSshMasters } from '../ssh-masters.ts';
import { type Folder, leftIn, makeFolder, makeRun, makeServer, python, recordReport } from '../test-run.ts';
import { createShellBackend } from './backend.ts';

let base: string;
let role: Folder;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'aegir-test-base-'));
});
afterEach(() => role.remove());
afterAll(() => rm(base, { recursive: true, force: true }));

const backend = (path = process.env.PATH ?? '') =>
  createShellBackend({
    python,
    runFolder: base,
    environment: { PATH: path },
    masters: createSshMasters({ runFolder: base }),
  });

async function run(
  script: string,
  values: Partial<Run> = {},
  signal = new AbortController().signal,
  report = recordReport(),
  path?: string,
) {
  role = await makeFolder({ 'shell/run': script });
  const result = await backend(path).run(makeRun({ folder: role.path, ...values }), report, signal);
  expect(await leftIn(base)).toEqual([]);
  return { result, report };
}

test('a program gets arguments and context as JSON, and its lines and outputs come back', async () => {
  const { result, report } = await run(
    `#!/usr/bin/env bash
cat > input.json
echo "\${#}" arguments, home is here: $([ "$HOME" = "$PWD" ] && echo yes)
printf 'no newline at the end\\n\\nerror\\n' >&2
python3 -c 'import json; i = json.load(open("input.json")); print(i["arguments"]["title"], i["aegir"]["fields"]["environment"])'
echo '{"path": "/srv/x", "count": 3}' > "$AEGIR_OUTPUTS"`,
    { arguments: { title: '$(id) {{ 1 }}' }, context: { fields: { environment: { a: 1 } } } },
  );
  expect(report.lines).toEqual([
    '0 arguments, home is here: yes',
    'no newline at the end',
    '',
    'error',
    "$(id) {{ 1 }} {'a': 1}",
  ]);
  expect(result).toEqual({
    status: 'succeeded',
    exitCode: 0,
    changed: true,
    outputs: { path: '/srv/x', count: 3 },
    message: '',
  });
});

test('a secret reaches the program by its standard input only, and is not kept', async () => {
  const { report } = await run(
    `#!/bin/sh\ncat >/dev/null; env | grep -c hunter2; tr '\\0' ' ' </proc/self/cmdline | grep -c hunter2; exit 0`,
    {
      arguments: { password: 'hunter2' },
      secretArguments: ['password'],
    },
  );
  expect(report.lines).toEqual(['0', '0']);
  expect(JSON.stringify(report.files)).not.toContain('hunter2');
  expect(report.files['input.json']).toContain('<secret: password>');
});

test('outputs that are not a JSON object, or too large, fail the Task with the reason', async () => {
  expect((await run('#!/bin/sh\necho nonsense > "$AEGIR_OUTPUTS"')).result.message).toContain('are not JSON');
  await role.remove();
  expect((await run('#!/bin/sh\necho "[1]" > "$AEGIR_OUTPUTS"')).result.message).toContain('not a JSON object');
  await role.remove();
  const large = await run('#!/bin/sh\nhead -c 1100000 /dev/zero | tr "\\0" x > "$AEGIR_OUTPUTS"');
  expect(large.result).toMatchObject({ status: 'failed', exitCode: 0 });
  expect(large.result.message).toContain('larger than 1 MiB');
});

test('a program may post lines by its feedback', async () => {
  const { report } = await run(`#!/usr/bin/env python3
import json, sys, urllib.request
aegir = json.load(sys.stdin)['aegir']
urllib.request.urlopen(urllib.request.Request(aegir['feedback_url'] + '/log', json.dumps({'lines': ['by feedback']}).encode(),
    {'Authorization': 'Bearer ' + aegir['feedback_token']}))`);
  expect(report.lines).toEqual(['by feedback']);
});

// Processes are started; a busy machine takes its time.
vi.setConfig({ testTimeout: 30_000 });

test('a Server that is this machine runs it here, by sudo where it says so', async () => {
  const programs = await makeFolder({ sudo: '#!/bin/sh\nshift; unset HOME; echo by sudo; exec "$@"' });
  await chmod(join(programs.path, 'sudo'), 0o755);
  const script = '#!/bin/sh\ncat >/dev/null; echo "{\\"path\\": \\"$HOME\\"}" > "$AEGIR_OUTPUTS"';
  const server = makeServer({ connection: 'local', become: true });
  const path = `${programs.path}:${process.env.PATH}`;
  const { result, report } = await run(script, { target: 'server', server }, undefined, undefined, path);
  await programs.remove();
  expect(report.lines).toEqual(['by sudo']);
  expect(result).toMatchObject({ status: 'succeeded', outputs: { path: expect.stringContaining(base) } });
});
