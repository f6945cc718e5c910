// What every back end must do, whatever its tool is. A back end brings small Task types that do the same in its own language,
// and the suite below looks at what comes of them. docs/backends.md shows how.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Backend, Run } from '../backend.ts';
import { supersededMessage } from '../fence.ts';
import { marked, runMarker } from '../process-tree.ts';
import { type Folder, leftIn, makeFolder, makeRun, type RecordedReport, recordReport } from '../test-run.ts';

/** Texts by path within the folder of a Task type. */
export type Files = Record<string, string>;

export interface Candidate {
  /** Why it cannot be tried on this machine; '' or nothing: it can. */
  skipped?: string;
  /** @param base folder for what runs keep on the worker. */
  create(base: string): Backend;
  /** Further values of each run. */
  run?: Partial<Run>;
  /** Gives its argument `title` back as the output `title`. */
  echo: Files;
  /** Its lines have these texts in them, in this order. */
  lines: { files: Files; expected: string[] };
  failing: { files: Files; exitCode: number; message: string | RegExp };
  /** Says a line with `up` in it and then works for a minute at least, in a process that does not end with its parent. It
   * gets the secret argument `password`. */
  endless: { files: Files; up: string };
  /** Does something that can be counted. */
  effect: { files: Files; arguments(base: string): Record<string, unknown>; count(base: string): Promise<number> };
  /** What check() says of an empty folder. */
  missing: string;
  /** False: what it would do is not known beforehand, so that it has neither preview nor check mode. */
  previews: boolean;
  /** What of a run is going, one text each, with everything of it that others there can see. Without it: its processes on
   * this machine, by their command lines and environments. */
  going?(run: Run): Promise<string[]>;
}

const password = 'contract-Passw0rd-7f3';
const never = new AbortController().signal;
/** A tool is started for each run; a busy machine takes its time. */
const timeout = 120_000;

export function describeBackend(name: string, candidate: Candidate): void {
  const { skipped = '', going = processesOf } = candidate;
  describe.skipIf(skipped)(`The back end ${name}${skipped ? ` (skipped: ${skipped})` : ''}`, { timeout }, () => {
    let base: string;
    let backend: Backend;
    const folders: Folder[] = [];

    beforeAll(async () => {
      base = await mkdtemp(join(tmpdir(), 'aegir-contract-'));
    });
    afterEach(async () => {
      for (const folder of folders.splice(0)) await folder.remove();
    });
    afterAll(() => rm(base, { recursive: true, force: true }));

    const runOf = async (files: Files, values: Partial<Run> = {}): Promise<Run> => {
      // A Task is a new one each time; so is what the back end knows.
      backend = candidate.create(base);
      const folder = await makeFolder(files);
      folders.push(folder);
      return makeRun({ folder: folder.path, ...candidate.run, ...values });
    };
    const expectNothingLeft = async (run: Run) => {
      expect(await going(run)).toEqual([]);
      expect((await leftIn(base)).filter(file => file.startsWith('aegir-'))).toEqual([]);
    };
    const secretRun = () => runOf(candidate.endless.files, { arguments: { password }, secretArguments: ['password'] });

    test('has the name by which it is known', async () => {
      await runOf({});
      expect(backend.name).toBe(name);
    });

    test('gives outputs, and takes no value for anything but these characters', async () => {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a value that looks like a template
      const title = 'it\'s "$(id)" `id` {{ 1 + 1 }} ${path.module} %{ if true } \\ ü';
      const run = await runOf(candidate.echo, { arguments: { title } });
      expect(await backend.check(run)).toEqual([]);
      const result = await backend.run(run, recordReport(), never);
      expect(result).toMatchObject({ status: 'succeeded', exitCode: 0, message: '', outputs: { title } });
      await expectNothingLeft(run);
    });

    test('tells the lines of its tool in their order, each once', async () => {
      const { files, expected } = candidate.lines;
      const run = await runOf(files);
      const report = recordReport();
      const result = await backend.run(run, report, never);
      expect([result.status, result.message]).toEqual(['succeeded', '']);
      const found = report.lines.filter(line => expected.some(text => line.includes(text)));
      expect(found.map(line => expected.find(text => line.includes(text)))).toEqual(expected);
    });

    test('tells a failure by its exit code, and in words', async () => {
      const { files, exitCode, message } = candidate.failing;
      const run = await runOf(files);
      const result = await backend.run(run, recordReport(), never);
      expect(result).toMatchObject({ status: 'failed', exitCode });
      if (typeof message === 'string') expect(result.message).toContain(message);
      else expect(result.message).toMatch(message);
      await expectNothingLeft(run);
    });

    test('names what is missing before anything is started', async () => {
      const run = await runOf({ README: 'nothing' });
      expect(await backend.check(run)).toContainEqual(expect.stringContaining(candidate.missing));
    });

    test('shows a secret nowhere while it runs; a cancel ends everything of it and leaves nothing', async () => {
      const run = await secretRun();
      const abort = new AbortController();
      const report = recordReport();
      const running = backend.run(run, report, abort.signal);
      await untilUp(report, running);
      const shown = (await going(run)).join('\n');
      abort.abort();
      const result = await running;
      expect(result).toMatchObject({ status: 'cancelled', message: expect.stringContaining('Cancelled.') });
      expect(shown).toContain(run.taskId);
      expect(shown).not.toContain(password);
      expect(JSON.stringify(report.files)).not.toContain(password);
      await expectNothingLeft(run);
    });

    test('starts nothing of what is cancelled beforehand', async () => {
      const run = await runOf(candidate.effect.files, { arguments: candidate.effect.arguments(base) });
      const result = await backend.run(run, recordReport(), AbortSignal.abort());
      expect(result.status).toBe('cancelled');
      expect(await candidate.effect.count(base)).toBe(0);
      await expectNothingLeft(run);
    });

    test('attaches to nothing where nothing is going', async () => {
      const run = await runOf(candidate.echo, { arguments: { title: 'x' } });
      expect(await backend.attach(run, recordReport(), never)).toBeNull();
    });

    test('ends an earlier attempt that is still going', async () => {
      const run = await secretRun();
      const report = recordReport();
      const running = backend.run(run, report, never);
      await untilUp(report, running);
      await backend.end({ ...run, attempt: 2 }, 1);
      expect((await running).status).not.toBe('succeeded');
      await expectNothingLeft(run);
    });

    test('starts nothing of an attempt that was ended, and then the next one', async () => {
      const { files, arguments: given, count } = candidate.effect;
      const run = await runOf(files, { arguments: given(base) });
      await backend.end({ ...run, attempt: 3 }, 2);
      for (const attempt of [1, 2]) {
        const late = await backend.run({ ...run, attempt }, recordReport(), never);
        expect(late).toMatchObject({ status: 'superseded', message: supersededMessage });
      }
      expect(await count(base)).toBe(0);
      const third = await backend.run({ ...run, attempt: 3 }, recordReport(), never);
      expect([third.status, third.message]).toEqual(['succeeded', '']);
      expect(await count(base)).toBe(1);
    });

    test(`changes nothing in check mode${candidate.previews ? ', and tells what it would' : ', as it has none'}`, async () => {
      const { files, arguments: given, count } = candidate.effect;
      const run = await runOf(files, { arguments: given(base) });
      const before = await count(base);
      if (!candidate.previews) {
        await expect(backend.preview(run, recordReport(), never)).rejects.toMatchObject({ code: 'invalid' });
        const result = await backend.run({ ...run, checkMode: true }, recordReport(), never);
        expect(result).toMatchObject({ status: 'failed', message: expect.stringContaining('check mode') });
      } else {
        const other = { ...run, taskId: `${run.taskId}-other`, arguments: { ...run.arguments, ...another(base) } };
        const looked = await backend.run({ ...other, checkMode: true }, recordReport(), never);
        expect(looked).toMatchObject({ status: 'succeeded', message: '' });
        expect(looked.differences?.length).toBeGreaterThan(0);
        const { changed, token } = await backend.preview(other, recordReport(), never);
        expect([changed, token !== '']).toEqual([true, true]);
      }
      expect(await count(base)).toBe(before);
    });

    const another = (folder: string) => candidate.effect.arguments(join(folder, 'other'));

    const untilUp = (report: RecordedReport, running: Promise<unknown>) =>
      Promise.race([
        report.until(candidate.endless.up),
        running.then(end => {
          throw new Error(`It is over before it was up: ${JSON.stringify(end)}\n${report.lines.join('\n')}`);
        }),
      ]);
  });
}

/** Command lines and environments. */
async function processesOf(run: Run): Promise<string[]> {
  const pids = await marked(runMarker(run.taskId, run.attempt));
  const read = (pid: number, file: string) => readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '');
  return Promise.all(pids.map(async pid => `${pid}: ${await read(pid, 'cmdline')}\n${await read(pid, 'environ')}`));
}
