// docker-compose.yml: that it is valid, that it gives no secret away, and that its commands and settings really start Aegir.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import { settings } from '../config.ts';
import { launch, type Running, waitUntilReady } from '../start/launch.ts';
import { isHealthy } from '../start/node-part.ts';
import { freePort } from '../start/ports.ts';
import { createDatabase } from './harness.ts';

const root = join(import.meta.dirname, '..');
const file = join(root, 'docker-compose.yml');

interface Service {
  command: string[];
  environment: Record<string, string | number>;
}

const { services } = parse(readFileSync(file, 'utf8'), { merge: true }) as {
  services: Record<'api' | 'worker', Service>;
};

const secrets = { AEGIR_SECRET_KEY: 'a'.repeat(64), POSTGRES_PASSWORD: 'b' };

function validate(environment: Record<string, string>) {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...environment };
  return spawnSync('docker-compose', ['--file', file, 'config', '-q'], { encoding: 'utf8', env });
}

test('the file is valid, and every secret has to be given', context => {
  if (validate(secrets).error) return context.skip('docker-compose is not installed.');
  expect(validate(secrets)).toMatchObject({ status: 0, stderr: '' });
  for (const name of Object.keys(secrets)) {
    const { status, stderr } = validate({ ...secrets, [name]: '' });
    expect({ name, status, says: stderr.includes(`Set ${name}`) }).toEqual({ name, status: 1, says: true });
  }
});

test('the services set nothing but settings that exist', () => {
  for (const { environment } of [services.api, services.worker]) {
    expect(Object.keys(settings)).toEqual(expect.arrayContaining(Object.keys(environment)));
  }
});

test('the commands and settings of the file start an API and a worker', async () => {
  const home = mkdtempSync(join(tmpdir(), 'aegir-compose-'));
  const database = await createDatabase();
  const port = await freePort();
  // What is an address or a place in there is one of this machine here; all else stays as the file says.
  const replaced: Record<string, string> = {
    AEGIR_DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    AEGIR_TEMPORAL_NAMESPACE: 'compose',
    AEGIR_SECRET_KEY: secrets.AEGIR_SECRET_KEY,
    AEGIR_PUBLIC_URL: `http://localhost:${port}`,
    AEGIR_API_URL: `http://127.0.0.1:${port}`,
    AEGIR_PORT: String(port),
    AEGIR_HOME: home,
    AEGIR_PYTHON: join(root, '.cache', 'python', 'bin', 'python'),
    AEGIR_CONSOLE_URL: 'http://127.0.0.1:1',
    ...Object.fromEntries(
      ['HOST', 'PORT', 'SECURITY', 'USER', 'PASSWORD', 'FROM'].map(name => [`AEGIR_SMTP_${name}`, '']),
    ),
  };
  const running: Running[] = [];
  const start = async (name: 'api' | 'worker', check: (part: Running) => boolean | Promise<boolean>) => {
    const { command, environment } = services[name];
    const [program = '', ...args] = command;
    const logFile = join(home, `${name}.log`);
    const pairs = Object.entries(environment).map(([key, value]) => [key, replaced[key] ?? String(value)]);
    const part = await launch({
      ...{ command: program, args, logFile, folder: root },
      environment: { PATH: process.env.PATH, HOME: home, ...Object.fromEntries(pairs) },
    });
    running.push(part);
    await waitUntilReady(part, { what: name, logFile, timeoutMs: 60_000, check: () => check(part) });
  };
  try {
    await start('api', () => isHealthy(`http://127.0.0.1:${port}`));
    await start('worker', part => part.output().includes('worker ready'));
  } finally {
    for (const part of running.toReversed()) await part.stop();
    await database.drop();
    rmSync(home, { recursive: true, force: true });
  }
});
