// Reads the outputs that a program has written to the file named by AEGIR_OUTPUTS.

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

export const outputsFile = 'outputs.json';

/** Outputs are stored with the Task and travel through the engine's history, whose payloads are limited to 2 MiB. */
const longestOutputsBytes = 1024 * 1024;

export interface ReadOutputs {
  outputs: Record<string, unknown>;
  /** '' = none. */
  mistake: string;
}

export async function readOutputs(folder: string): Promise<ReadOutputs> {
  const path = join(folder, outputsFile);
  const found = await stat(path).catch(() => null);
  if (!found) return { outputs: {}, mistake: '' };
  const wrong = (mistake: string): ReadOutputs => ({ outputs: {}, mistake });
  if (found.size > longestOutputsBytes) {
    return wrong(
      'Its outputs are larger than 1 MiB. Outputs are stored with the Task; put large data into a file and give its path.',
    );
  }
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { outputs: value as Record<string, unknown>, mistake: '' };
    }
    return wrong('Its outputs (the file named by AEGIR_OUTPUTS) are not a JSON object.');
  } catch (error) {
    return wrong(`Its outputs (the file named by AEGIR_OUTPUTS) are not JSON: ${(error as Error).message}`);
  }
}
