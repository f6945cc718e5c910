import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { baseFolder, makeRunFolder, removeRunFolder, sweepRunFolders } from './run-folder.ts';
import { countProcesses } from './test-run.ts';

// Processes are started; a busy machine takes its time.
vi.setConfig({ testTimeout: 30_000 });

let base: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'aegir-test-base-'));
});
afterAll(() => rm(base, { recursive: true, force: true }));

test('the folder of a run is for its user only, and gone afterwards', async () => {
  const folder = await makeRunFolder(base, 'T1.1');
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  await removeRunFolder(folder);
  expect(await readdir(base)).toEqual([]);
});

test.runIf(process.platform === 'linux')('without a setting it lies in memory', async () => {
  const folder = await makeRunFolder('', 'T1.1');
  const { stdout } = await execa('stat', ['-f', '-c', '%T', folder]);
  await removeRunFolder(folder);
  expect(await baseFolder('')).toBe('/dev/shm');
  expect(stdout).toBe('tmpfs');
});

test('what a killed worker left is removed at the next start, folders and processes, and what lives is kept', async () => {
  const mark = `5${process.pid}1`;
  const module = JSON.stringify(new URL('./run-folder.ts', import.meta.url).href);
  const script = `const { makeRunFolder } = await import(${module}); await makeRunFolder(process.argv[1], '${mark}.1');`;
  await execa(process.execPath, ['--input-type=module', '-e', script, base]);
  const orphan = execa('sleep', [mark], { env: { AEGIR_RUN: `${mark}.1` }, reject: false });
  const mine = await makeRunFolder(base, 'T2.1');
  expect(await readdir(base)).toHaveLength(2);
  expect(await sweepRunFolders({ runFolder: base })).toBe(1);
  expect(await readdir(base)).toEqual([basename(mine)]);
  await orphan;
  expect(await countProcesses(`sleep ${mark}`)).toBe(0);
  await removeRunFolder(mine);
});
