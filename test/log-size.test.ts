// Logs of a size that fills memories, through the real worker and API.

import { createParser } from 'eventsource-parser';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { LogHits, LogOutline, LogRange, OperationView, ProblemJson } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import type { LogChunk } from '../model/log.ts';
import { type Aegir, startAegir } from './harness.ts';
import { makeTypeFolder, type TypeFolder } from './task-types.ts';

const count = 1_000_000;
/** 100 bytes with its newline. */
const rest = 'of a job that prints a lot '.repeat(4).slice(0, 86);
const line = (number: number) => `line ${String(number).padStart(7, '0')} ${rest}`;

vi.setConfig({ testTimeout: 600_000 });

let types: TypeFolder;

beforeAll(() => {
  types = makeTypeFolder();
  types.shellTask('print_many', `seq -f 'line %07.0f ${rest}' 1 ${count}`);
  types.shellTask('print_some', `seq -f 'line %07.0f ${rest}' 1 50000; echo '{"said": "all"}' > "$AEGIR_OUTPUTS"`, {
    meta: 'outputs:\n  said: {type: str, help: What was said}\n',
  });
  types.shellTask('say_something', 'echo said beside it');
  types.operation('print_inner', 'project', '[{id: print, task: print_many}]');
  types.operation(
    'print_outer',
    'project',
    '[{id: before, task: say_something}, {id: inner, operation: print_inner}, {id: after, task: say_something}]',
  );
  types.operation('print_limited', 'project', '[{id: print, task: print_some}]');
});

afterAll(() => types.remove());

async function addProject(aegir: Aegir): Promise<string> {
  const values = { name: 'site', repository: 'https://example.org/site.git', application: 'static' };
  return (await aegir.call<Entity>('POST', '/api/projects', { values })).body.id;
}

describe('a Task of 1,000,000 lines in a nested Operation', () => {
  let aegir: Aegir;
  let token: string;
  let operation: OperationView;
  let outline: LogOutline;
  let inner: LogOutline['attempts'][number];

  beforeAll(async () => {
    aegir = await startAegir({ types: types.path });
    token = (await aegir.call<{ token: string }>('POST', '/api/tokens', { name: 'follow' })).body.token;
    const project = await addProject(aegir);
    const started = await aegir.call<OperationView>('POST', `/api/projects/${project}/operations`, {
      type: 'print_outer',
      input: {},
    });
    operation = started.body;
  }, 600_000);

  afterAll(() => aegir?.stop());

  const get = async <T>(path: string) =>
    (await aegir.call<T>('GET', `/api/operations/${operation.id}/log/${path}`)).body;

  /** Reads some events of the stream, then cuts it. @returns whether it came to its end by itself. */
  async function followFrom(id: string, most: number, take: (chunk: LogChunk, id: string) => void): Promise<boolean> {
    const cut = new AbortController();
    const headers = { authorization: `Bearer ${token}`, ...(id ? { 'last-event-id': id } : {}) };
    const response = await fetch(`${aegir.url}/api/operations/${operation.id}/events`, { headers, signal: cut.signal });
    let taken = 0;
    let isOver = false;
    const parser = createParser({
      onEvent: event => {
        if (event.event === 'end') isOver = true;
        if (event.event !== 'log' || taken === most) return;
        taken += 1;
        take(JSON.parse(event.data) as LogChunk, event.id ?? '');
      },
    });
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      parser.feed(decoder.decode(bytes, { stream: true }));
      if (taken === most) break;
    }
    cut.abort();
    return isOver;
  }

  test('a stream that is cut again and again while it runs has every line once, in order', async () => {
    const next = new Map<string, number>();
    let last = '';
    let printed = 0;
    const take = (chunk: LogChunk, id: string) => {
      last = id;
      expect(chunk.firstLine).toBe(next.get(chunk.attemptId) ?? 1);
      next.set(chunk.attemptId, chunk.firstLine + chunk.lineCount);
      for (const text of chunk.text.split('\n')) {
        if (!text.startsWith('line ')) continue;
        printed += 1;
        if (text !== line(printed)) expect(text).toBe(line(printed));
      }
    };
    for (let cuts = 0; !(await followFrom(last, 97, take)); cuts += 1) expect(cuts).toBeLessThan(10_000);
    expect(printed).toBe(count);
  });

  test('its lines stand in the log of the outer Operation in their place', async () => {
    const done = (await aegir.call<OperationView>('GET', `/api/operations/${operation.id}`)).body;
    expect(done.state).toBe('succeeded');
    outline = await get<LogOutline>('outline');
    const attempt = outline.attempts.find(({ lines }) => lines >= count);
    if (!attempt) throw new Error('The attempt is not there.');
    inner = attempt;
    expect(inner.bytes).toBeGreaterThanOrEqual(count * 100);
    const range = await get<LogRange>(`lines?from=${inner.offset}&to=${inner.offset + 2}`);
    expect(range.pieces.flatMap(({ lines }) => lines)).toEqual(['said beside it', line(1), line(2)]);
    const end = await get<LogRange>('lines?last=2');
    expect(end.pieces.flatMap(({ lines }) => lines)).toEqual([line(count), 'said beside it']);
    const nested = `/api/operations/${done.children[0]?.id}/log/lines?from=7&to=7`;
    expect((await aegir.call<LogRange>('GET', nested)).body.pieces[0]?.lines).toEqual([line(7)]);
  });

  test('any range of its lines is answered', async () => {
    for (const from of [1, 655, 499_999, 999_000, count - 4]) {
      const to = Math.min(count, from + 1500);
      const range = await get<LogRange>(`lines?attempt=${inner.attemptId}&from=${from}&to=${to}`);
      const wanted = Array.from({ length: to - from + 1 }, (_, at) => line(from + at));
      expect(range.pieces.flatMap(({ lines }) => lines)).toEqual(wanted);
    }
    const all = await get<LogRange>(`lines?task=${inner.taskId}`);
    expect(all).toMatchObject({ total: inner.lines, next: 5001 });
  });

  test('the whole of it is searched', async () => {
    const found = async (query: Record<string, string>) => {
      const hits: LogHits['hits'] = [];
      for (let from: number | null = 1; from !== null; ) {
        const page: LogHits = await get<LogHits>(`find?${new URLSearchParams({ ...query, from: String(from) })}`);
        hits.push(...page.hits);
        from = page.next;
      }
      return hits.map(({ line: number }) => number);
    };
    expect(await found({ text: 'LINE 0777777', ignore_case: 'true' })).toEqual([777_777]);
    expect(await found({ text: '^line 0?9999[0-9]9 ', regex: 'true' })).toHaveLength(10);
    expect(await found({ text: 'nowhere at all' })).toEqual([]);
    const refused = await aegir.call<ProblemJson>('GET', `/api/operations/${operation.id}/log/find?text=(&regex=true`);
    expect(refused).toMatchObject({ status: 422, body: { problems: [{ path: 'text' }] } });
  });

  test('as text it is complete', async () => {
    const text = await aegir.log(operation.id);
    expect(text.split('\n').filter(one => one.startsWith('line '))).toHaveLength(count);
  });
});

describe('a Task with more log than is allowed', () => {
  let aegir: Aegir;

  beforeAll(async () => {
    aegir = await startAegir({ types: types.path, environment: { AEGIR_LOG_LIMIT_MIB: '1' } });
  });

  afterAll(() => aegir?.stop());

  test('goes on to its end and its outputs; its log has the beginning, a notice and the last lines', async () => {
    const done = await aegir.run('projects', await addProject(aegir), 'print_limited');
    expect(done.state).toBe('succeeded');
    expect(done.tasks.at(-1)?.outputs).toEqual({ said: 'all' });
    const lines = (await aegir.log(done.id)).split('\n');
    expect(lines).toContain(line(1));
    expect(lines).toContain(line(50_000));
    expect(lines).not.toContain(line(30_000));
    expect(lines.filter(text => /limit of 1 MiB|are left out here/.test(text))).toHaveLength(2);
    const attempt = done.tasks.at(-1)?.attempts.at(-1);
    const { body } = await aegir.call<LogOutline>('GET', `/api/operations/${done.id}/log/outline`);
    expect(body.attempts.find(({ attemptId }) => attemptId === attempt?.id)?.bytes).toBeLessThan(1.2 * 1024 * 1024);
  });
});
