// Runs ./aegir as a person would, against the Aegir of a suite.

import { join } from 'node:path';
import { execa } from 'execa';
import type { Aegir } from './harness.ts';

export interface CliResult {
  code: number;
  stdout: string;
  stderr: string;
}

export async function aegirCommand(aegir: Aegir, ...args: string[]): Promise<CliResult> {
  const program = join(import.meta.dirname, '..', 'aegir');
  const { AEGIR_HOME, AEGIR_PORT, PATH, HOME } = aegir.environment;
  const environment = { AEGIR_HOME, AEGIR_PORT, AEGIR_URL: aegir.url, PATH, HOME };
  const result = await execa(program, args, {
    reject: false,
    stdin: 'ignore',
    env: environment as Record<string, string>,
    extendEnv: false,
  });
  return { code: result.exitCode ?? -1, stdout: result.stdout, stderr: result.stderr };
}
