// The streaming module, run as Ansible runs it, against a server that answers as it is told.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { countProcesses, python } from '../test-run.ts';

let server: Server;
let lines: string[];
let posts: number;
let connections: number;
/** Status of the next answers; 0 = the connection is cut. */
let answers: number[];

beforeEach(async () => {
  lines = [];
  posts = 0;
  connections = 0;
  answers = [];
  server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    posts += 1;
    const status = answers.shift() ?? 200;
    if (status === 0) return request.socket.destroy();
    if (status === 200) lines.push(...(JSON.parse(body) as { lines: string[] }).lines);
    return response.writeHead(status).end('{}');
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise(resolve => server.close(resolve));
});

interface Answer {
  rc: number;
  msg: string;
  changed: boolean;
  failed?: boolean;
  skipped?: boolean;
  stdout_tail: string[];
}

async function stream(options: Record<string, unknown>, settings = ''): Promise<Answer> {
  const { port } = server.address() as AddressInfo;
  const script = `import sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv.pop(1))
import aegir_stream as module
${settings}
module.main()`;
  const given = { feedback_url: `http://127.0.0.1:${port}/f`, feedback_token: 'tok', ...options };
  const { stdout } = await execa(
    python,
    ['-c', script, join(import.meta.dirname, 'library'), JSON.stringify({ ANSIBLE_MODULE_ARGS: given })],
    { reject: false },
  );
  return JSON.parse(stdout) as Answer;
}

// Processes are started; a busy machine takes its time.
vi.setConfig({ testTimeout: 30_000 });

const bash = (script: string) => ({ argv: ['bash', '-c', script] });

test('lines come in order, blank, unfinished and undecodable ones included, over one connection', async () => {
  const answer = await stream(bash(String.raw`echo out; echo err >&2; echo; printf '\377\n'; sleep 0.2; printf 'end'`));
  expect(lines).toEqual(['out', 'err', '', '\ufffd', 'end']);
  expect(answer).toMatchObject({ rc: 0, changed: true, stdout_tail: lines });
  expect(connections).toBe(1);
  expect(posts).toBeGreaterThan(1);
});

test('a line is sent while the command runs', async () => {
  const answer = await stream(
    bash('echo now; until [ -e /proc/self/missing ] || [ "$SECONDS" -ge 2 ]; do :; done; echo later'),
  );
  expect(answer.rc).toBe(0);
  expect(posts).toBeGreaterThanOrEqual(2);
});

test('100,000 lines all arrive, in their order', async () => {
  await stream(bash('seq 100000'));
  expect(lines).toEqual(Array.from({ length: 100_000 }, (_, index) => String(index + 1)));
});

test('a line of 3 MB arrives whole, in pieces that do not cut a character', async () => {
  const answer = await stream({ argv: [python, '-c', 'print("€" * 1000000); print("next")'] });
  expect(lines.pop()).toBe('next');
  expect(lines.join('')).toBe('€'.repeat(1_000_000));
  expect(answer.rc).toBe(0);
});

test('what is too long is cut between words, in the log and in a message', async () => {
  const long = '"word " * 300000';
  const answer = await stream({ argv: [python, '-c', `print(${long}, flush=True); exit(4)`] });
  expect(lines.length).toBeGreaterThan(1);
  expect(lines.every(line => /^(word )+$/.test(line))).toBe(true);
  expect(answer.msg).toMatch(/^python[\d.]* ended with code 4: …(word ){98,99}word$/);
});

test('chdir, environment, stdin and exit codes are the caller’s', async () => {
  const answer = await stream({
    ...bash('pwd; echo "$WORD"; cat; exit 3'),
    chdir: '/usr',
    environment: { WORD: '$(id)' },
    stdin: 'given\n',
    success_codes: [0, 3],
  });
  expect(lines).toEqual(['/usr', '$(id)', 'given']);
  expect(answer).toMatchObject({ rc: 3, changed: true });
});

test('another exit code fails with the last line', async () => {
  const answer = await stream(bash('echo working; echo no such database; exit 4'));
  expect(answer).toMatchObject({ failed: true, rc: 4, msg: 'bash ended with code 4: no such database' });
});

test('a command that explains its failure says all of the message, with the codes that mean so only', async () => {
  const explained = { explained_codes: [1] };
  const why = 'echo working; echo The database cannot be reached.';
  expect((await stream({ ...bash(`${why}; exit 1`), ...explained })).msg).toBe('The database cannot be reached.');
  expect((await stream({ ...bash(`${why}; exit 4`), ...explained })).msg).toMatch(/^bash ended with code 4: The data/);
  expect((await stream({ ...bash('exit 1'), ...explained })).msg).toBe('bash ended with code 1');
});

test('a command that is not there, and a folder that is not there, are named', async () => {
  expect((await stream({ argv: ['/no/such'] })).msg).toContain('/no/such cannot be run');
  expect((await stream({ argv: ['true'], chdir: '/no/folder' })).msg).toBe('/no/folder is not a folder');
});

test('what exists already and check mode run nothing', async () => {
  expect(await stream({ ...bash('echo never'), creates: '/' })).toMatchObject({ changed: false, rc: 0 });
  expect(await stream({ ...bash('echo never'), _ansible_check_mode: true })).toMatchObject({
    skipped: true,
    changed: false,
  });
  expect(lines).toEqual([]);
});

test('a short outage loses nothing and doubles nothing that the receiver can tell', async () => {
  answers = [0, 503, 0];
  const answer = await stream(bash('echo one; sleep 0.3; echo two'));
  expect(answer.rc).toBe(0);
  expect(lines).toEqual(['one', 'two']);
});

test('a refused token ends the command with everything that it started', async () => {
  const mark = `8${process.pid}1`;
  answers = [401];
  const answer = await stream(bash(`echo begin; sleep ${mark} & sleep ${mark}`));
  expect(answer).toMatchObject({ failed: true });
  expect(answer.msg).toContain('no longer accepts this run');
  expect(await countProcesses(`sleep ${mark}`)).toBe(0);
});

test('a log that has no room keeps the command waiting, however long, and loses nothing', async () => {
  answers = [429, 429, 429, 429];
  // Without the answer 429 it would have given up long before.
  const answer = await stream(bash('echo one; echo two'), 'module.PATIENCE_SECONDS = 0.3');
  expect(answer.rc).toBe(0);
  expect(lines).toEqual(['one', 'two']);
});

test('a quiet command ends, too, when the control plane stays away', async () => {
  const mark = `8${process.pid}2`;
  answers = Array.from({ length: 200 }, () => 0);
  const answer = await stream(bash(`sleep ${mark}`), 'module.PATIENCE_SECONDS = 1; module.HEARTBEAT_SECONDS = 0.1');
  expect(answer.msg).toContain('could not be reached for 1 seconds');
  expect(await countProcesses(`sleep ${mark}`)).toBe(0);
});

test('a daemon that the command leaves does not hold it up', async () => {
  const mark = `8${process.pid}3`;
  const begun = Date.now();
  const answer = await stream(bash(`setsid sleep ${mark} & echo $!`));
  expect(Date.now() - begun).toBeLessThan(10_000);
  expect(answer.rc).toBe(0);
  process.kill(Number(lines[0]));
});

test('without feedback it only runs the command', async () => {
  expect(await stream({ ...bash('echo by hand'), feedback_url: '' })).toMatchObject({
    rc: 0,
    stdout_tail: ['by hand'],
  });
  expect(posts).toBe(0);
});
