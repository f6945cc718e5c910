import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { expect, test, vi } from 'vitest';
import { readLines } from './lines.ts';
import { endMarked, graceMs, marked } from './process-tree.ts';
import { renderScopeArgv, runInScope, type ScopedCommand, scopeKind } from './scope.ts';
import { countProcesses } from './test-run.ts';

// Processes are started; a busy machine takes its time.
vi.setConfig({ testTimeout: 30_000 });

let number = 0;

function command(script: string, values: Partial<ScopedCommand> = {}): ScopedCommand {
  number += 1;
  return {
    argv: ['bash', '-c', script],
    folder: tmpdir(),
    environment: { PATH: process.env.PATH ?? '' },
    marker: `scope-${process.pid}-${number}.1`,
    input: '',
    sudo: false,
    ...values,
  };
}

async function collect(scoped: ScopedCommand, signal = new AbortController().signal, onLine = (_: string) => {}) {
  const lines: string[] = [];
  const events: string[] = [];
  const take = (line: string) => {
    lines.push(line);
    onLine(line);
  };
  const out = {
    output: (stream: Parameters<typeof readLines>[0]) => readLines(stream, take),
    events: (stream: Parameters<typeof readLines>[0]) => readLines(stream, line => events.push(line)),
  };
  return { lines, events, end: await runInScope(scoped, out, signal) };
}

test('a command sees its input and its environment only, and its output keeps its order', async () => {
  const { lines, events, end } = await collect(
    command(
      'env | cut -d= -f1 | sort | tr "\\n" " "; echo; cat; echo out; echo err >&2; echo event >&3; echo late >/dev/stderr; exit 7',
      {
        input: 'in\n',
      },
    ),
  );
  expect(lines).toEqual(['AEGIR_RUN PATH PWD SHLVL _ ', 'in', 'out', 'err', 'late']);
  expect(events).toEqual(['event']);
  expect(end).toEqual({ exitCode: 7, aborted: false });
});

test('a command that is not there ends with code 127 and says so', async () => {
  const { lines, end } = await collect(command('', { argv: ['/nowhere/at-all'] }));
  expect(end.exitCode).toBe(127);
  expect(lines.join()).toContain('/nowhere/at-all');
});

test('the command may signal itself, as it can outside of a scope', async () => {
  expect((await collect(command('kill -KILL $$'))).end.exitCode).toBe(128 + 9);
});

test('cancel ends the whole tree within its grace, also what ignores SIGTERM or has left its session', async () => {
  const abort = new AbortController();
  const mark = `4${process.pid}1`;
  const script = `trap '' TERM; setsid sleep ${mark} & (setsid bash -c "trap '' TERM; sleep ${mark}; sleep ${mark}" &) ; echo up; sleep ${mark}; sleep ${mark}`;
  const begun = command(script);
  let at = 0;
  const { end } = await collect(begun, abort.signal, line => {
    if (line !== 'up') return;
    at = Date.now();
    abort.abort();
  });
  expect(end.aborted).toBe(true);
  expect(Date.now() - at).toBeLessThan(graceMs + 1500);
  expect(await countProcesses(`sleep ${mark}`)).toBe(0);
  expect(await marked(begun.marker)).toEqual([]);
});

test('what a command leaves running ends with it', async () => {
  const mark = `4${process.pid}2`;
  const { end } = await collect(command(`(setsid sleep ${mark} >/dev/null 2>&1 &); exit 0`));
  expect(end.exitCode).toBe(0);
  expect(await countProcesses(`sleep ${mark}`)).toBe(0);
});

test('an abort before the start starts nothing', async () => {
  expect((await collect(command('echo never'), AbortSignal.abort())).lines).toEqual([]);
});

test('SIGKILL of the worker leaves no process', async () => {
  const mark = `4${process.pid}3`;
  const script = `
    import { runInScope } from ${JSON.stringify(new URL('./scope.ts', import.meta.url).href)};
    const read = async stream => { for await (const chunk of stream) process.stdout.write(chunk); };
    await runInScope({ argv: ['bash', '-c', 'setsid sleep ${mark} & echo up; sleep ${mark}'], folder: '/tmp',
      environment: { PATH: process.env.PATH }, marker: 'killed-worker.${mark}', input: '', sudo: false },
      { output: read, events: read }, new AbortController().signal);`;
  const worker = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(worker.stdout, 'data');
  expect(await countProcesses(`sleep ${mark}`)).toBeGreaterThan(1);
  worker.kill('SIGKILL');
  await vi.waitFor(async () => expect(await countProcesses(`sleep ${mark}`)).toBe(0), { timeout: 5000 });
});

test.runIf(process.platform === 'linux')('a run without a namespace is found by its marker and ended', async () => {
  const mark = `4${process.pid}4`;
  const [file = '', ...rest] = renderScopeArgv('group', [
    'bash',
    '-c',
    `setsid sleep ${mark} & echo up; sleep ${mark}`,
  ]);
  const child = spawn(file, rest, {
    env: { ...process.env, AEGIR_RUN: `${mark}.1` },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(child.stdout, 'data');
  await endMarked(`${mark}.1`);
  expect(await countProcesses(`sleep ${mark}`)).toBe(0);
});

test('a run that needs sudo as an ordinary user stays outside of a user namespace', async () => {
  const expected = process.getuid?.() === 0 ? /^(namespace|group)$/ : /^group$/;
  expect(await scopeKind(true)).toMatch(expected);
});
