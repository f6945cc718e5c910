// The parts that are programs of ours: started by the Node of this installation, ready when they say so.

import { join } from 'node:path';
import { AppError } from '../model/errors.ts';
import { launch, type Running, waitUntilReady } from './launch.ts';

export interface NodePartOptions {
  what: string;
  /** Where the installation lies, and the file there. */
  installation: string;
  file: string;
  logFile: string;
  environment: NodeJS.ProcessEnv;
  graceMs: number;
  /** `output` is what it has printed so far. */
  isReady(output: () => string): boolean | Promise<boolean>;
  signal?: AbortSignal;
}

/** Exit code of a part for which starting it again is of no use (EX_CONFIG of sysexits.h). */
export const uselessToRestart = 78;

export async function startNodePart(options: NodePartOptions): Promise<Running> {
  const running = await launch({
    command: process.execPath,
    args: [join(options.installation, options.file)],
    folder: options.installation,
    logFile: options.logFile,
    environment: options.environment,
    graceMs: options.graceMs,
  });
  try {
    await waitUntilReady(running, {
      what: options.what,
      logFile: options.logFile,
      // Migrations of a large database, or building the workflow code on a slow machine.
      timeoutMs: 120_000,
      signal: options.signal,
      check: () => options.isReady(running.output),
    });
  } catch (error) {
    await running.stop();
    throw (await explainExit(options.what, running)) ?? error;
  }
  return running;
}

/** The sentence of a part that has ended because it cannot work here; undefined for every other end. */
export async function explainExit(what: string, running: Running): Promise<AppError | undefined> {
  const { code } = await running.exited;
  if (code !== uselessToRestart) return undefined;
  // Its log lines are JSON; the sentence for people is not.
  const sentences = running
    .output()
    .split('\n')
    .filter(line => line.trim() !== '' && !line.startsWith('{'));
  return new AppError('conflict', sentences.at(-1) ?? `${what} cannot work with this installation.`);
}

/** True when the API says that it is ready. */
export async function isHealthy(url: string): Promise<boolean> {
  try {
    // 2 s: on loopback an answer takes milliseconds.
    const response = await fetch(`${url}/api/health`, { signal: AbortSignal.timeout(2000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
