// The disk of the database, or of the engine, is full while an Operation runs: nothing is called done that is not, and it
// goes on by itself when there is room again. Each has a small file system of its own here.

import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { HealthView, OperationView } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { startTestPostgres, startTestTemporal } from './engines.ts';
import { type Aegir, type Engines, startAegir } from './harness.ts';
import { makeTypeFolder } from './task-types.ts';

// A file system can be mounted by root, on Linux.
const canMount = process.platform === 'linux' && process.getuid?.() === 0;

interface SmallDisk {
  folder: string;
  fill(): void;
  free(): void;
  remove(): void;
}

function makeSmallDisk(megabytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), 'aegir-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', folder]);
  const ballast = join(folder, 'ballast');
  return {
    folder,
    fill() {
      const file = openSync(ballast, 'w');
      // Down to single pages: what is left must not be enough for a row.
      for (const size of [1 << 20, 4096]) writeUntilFull(file, Buffer.alloc(size, 1));
      closeSync(file);
    },
    free: () => rmSync(ballast, { force: true }),
    remove() {
      execFileSync('umount', ['--lazy', folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function writeUntilFull(file: number, block: Buffer): void {
  try {
    while (writeSync(file, block) === block.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

const lines = 30_000;

/** A long step in the middle: `begun` tells when it is at work, `go` lets it go on. */
function makeSuite(engines: (disk: SmallDisk) => Promise<Engines & { stop(): Promise<void> }>, megabytes: number) {
  const types = makeTypeFolder();
  const [begun, go, journal] = ['begun', 'go', 'journal'].map(name => join(types.path, name)) as [
    string,
    string,
    string,
  ];
  let disk: SmallDisk;
  let running: (Engines & { stop(): Promise<void> }) | undefined;
  let aegir: Aegir;
  let project: Entity;
  return {
    disk: () => disk,
    aegir: () => aegir,
    project: () => project,
    journal: () => readFileSync(journal, 'utf8').split('\n').filter(Boolean),
    async open() {
      disk = makeSmallDisk(megabytes);
      types.shellTask('first', `echo first >> ${journal}`);
      types.shellTask(
        'long',
        `touch ${begun}; until [ -e ${go} ]; do sleep 0.1; done; seq -f 'line %.0f of what a step may print' ${lines}; echo long >> ${journal}`,
      );
      types.shellTask('last', `echo last >> ${journal}`);
      const steps = '[{id: a, task: first}, {id: b, task: long}, {id: c, task: last}]';
      types.operation('three', 'project', steps, 'locks: {project: exclusive}\n');
      running = await engines(disk);
      aegir = await startAegir({ types: types.path, engines: running });
      const values = { name: 'site', repository: 'https://example.org/site.git', application: 'static' };
      project = (await aegir.call<Entity>('POST', '/api/projects', { values })).body;
    },
    async close() {
      disk?.free();
      await aegir?.stop();
      await running?.stop();
      disk?.remove();
      types.remove();
    },
    /** Until the long step is at work. */
    async start(): Promise<string> {
      const path = `/api/projects/${project.id}/operations`;
      const { status, body } = await aegir.call<OperationView>('POST', path, { type: 'three', input: {} });
      expect(status, JSON.stringify(body)).toBe(201);
      await expect.poll(() => existsSync(begun), { timeout: 60_000 }).toBe(true);
      return body.id;
    },
    letGo: () => writeFileSync(go, ''),
    view: async (id: string) => (await aegir.call<OperationView>('GET', `/api/operations/${id}`)).body,
  };
}

describe.skipIf(!canMount)('the disk of the database is full', () => {
  // Its files, 64 MB of journal and some room.
  const suite = makeSuite(async ({ folder }) => {
    const postgres = await startTestPostgres(folder);
    return {
      databaseUrl: postgres.url,
      temporalAddress: inject('temporalAddress'),
      stop: async () => void (await postgres.stop()),
    };
  }, 200);

  beforeAll(suite.open);
  afterAll(suite.close);

  test('it is said, no step is called done, and the Operation goes on when there is room', async () => {
    const id = await suite.start();
    suite.disk().fill();
    suite.letGo();
    const create = (index: number) => {
      const values = { name: `more${index}`, repository: `https://example.org/${'x'.repeat(1500)}.git` };
      return suite
        .aegir()
        .call<{ detail: string }>('POST', '/api/projects', { values: { ...values, application: 'static' } });
    };
    let index = 0;
    const refusal = async () => {
      const { status, body } = await create(index++);
      return status === 201 ? '' : `${status} ${body.detail}`;
    };
    await expect.poll(refusal, { timeout: 60_000, interval: 10 }).toMatch(/^503 .*disk of the database is full/);
    await expect.poll(() => suite.journal(), { timeout: 60_000 }).toContain('long');
    const during = await suite.view(id);
    expect([during.state, during.tasks.map(({ state }) => state).slice(2)]).toEqual([
      'running',
      ['running', 'pending'],
    ]);
    suite.disk().free();
    const done = await suite.aegir().waitFor(id);
    expect(done.state, done.message).toBe('succeeded');
    expect(suite.journal()).toEqual(['first', 'long', 'last']);
    const text = await suite.aegir().log(id);
    expect(text.match(/^.*line \d+ of what a step may print$/gm)?.length).toBe(lines);
    expect((await create(index)).status).toBe(201);
  });
});

/** Its journal has room left in the file that it has: runs that nobody carries out use that up. */
async function fillUp(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address });
  const { workflow } = new Client({ connection, namespace });
  const start = (index: number) =>
    workflow.start('nothing', { workflowId: `ballast-${index}`, taskQueue: 'nobody', args: ['x'.repeat(500_000)] });
  try {
    // Several times of what the journal may have.
    for (let index = 0; index < 200; index++) await start(index);
  } catch (error) {
    // The words of the server are in the cause.
    throw new Error(inspect(error));
  } finally {
    await connection.close();
  }
}

describe.skipIf(!canMount)('the disk of the engine is full', () => {
  let address: string;
  const suite = makeSuite(async ({ folder }) => {
    const temporal = await startTestTemporal(folder);
    address = temporal.address;
    return {
      databaseUrl: inject('databaseUrl'),
      temporalAddress: address,
      stop: async () => void (await temporal.stop()),
    };
  }, 32);

  beforeAll(suite.open);
  afterAll(suite.close);

  test('what runs and what is started meanwhile goes on when there is room', async () => {
    const id = await suite.start();
    suite.disk().fill();
    await expect(fillUp(address, suite.aegir().environment.AEGIR_TEMPORAL_NAMESPACE ?? '')).rejects.toThrow(/full/);
    suite.letGo();
    await expect.poll(() => suite.journal(), { timeout: 60_000 }).toContain('long');
    const path = `/api/projects/${suite.project().id}/operations`;
    const second = await suite.aegir().call<OperationView>('POST', path, { type: 'three', input: {} });
    expect([second.status, second.body.state]).toEqual([201, 'queued']);
    expect(suite.aegir().server.output()).toContain('whether its disk is full');
    const engine = async () => (await suite.aegir().call<HealthView>('GET', '/api/health')).body.parts.engine;
    expect(await engine()).toBe(false);
    suite.disk().free();
    const done = await suite.aegir().waitFor(id);
    expect(done.state, done.message).toBe('succeeded');
    expect((await suite.aegir().waitFor(second.body.id)).state).toBe('succeeded');
    expect(await engine()).toBe(true);
    // A step whose end nobody could write down is run again.
    expect(suite.journal().join(' ')).toMatch(/^first( long)+ last first( long)+ last$/);
  });
});
