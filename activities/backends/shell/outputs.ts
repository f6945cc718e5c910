// The outputs that a program has written to the file named by AEGIR_OUTPUTS.

import { open } from 'node:fs/promises';
import { join } from 'node:path';

export const outputsFile = 'outputs.json';

/** Outputs are stored with the Task and travel through the engine's history, whose payloads are limited to 2 MiB. */
const longestOutputsBytes = 1024 * 1024;

export interface Outputs {
  outputs: Record<string, unknown>;
  /** '' = none. */
  mistake: string;
}

/** '' when there is no such file. Of one that is too long there is one byte more than allowed. */
export async function readOutputs(folder: string): Promise<string> {
  const file = await open(join(folder, outputsFile)).catch(() => null);
  if (!file) return '';
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(longestOutputsBytes + 1));
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

export function parseOutputs(text: string): Outputs {
  if (text.trim() === '') return { outputs: {}, mistake: '' };
  const wrong = (mistake: string): Outputs => ({ outputs: {}, mistake });
  if (Buffer.byteLength(text) > longestOutputsBytes) {
    return wrong(
      'Its outputs are larger than 1 MiB. Outputs are stored with the Task; put large data into a file and give its path.',
    );
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { outputs: value as Record<string, unknown>, mistake: '' };
    }
    return wrong('Its outputs (the file named by AEGIR_OUTPUTS) are not a JSON object.');
  } catch (error) {
    return wrong(`Its outputs (the file named by AEGIR_OUTPUTS) are not JSON: ${(error as Error).message}`);
  }
}
