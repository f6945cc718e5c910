// The program terraform, or tofu, of this worker, and the files of a Task type that it is given.

import { access, constants, readdir } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Run } from '../backend.ts';
import type { RunDependencies } from '../dependencies.ts';
import { renderEnvironment } from './render.ts';
import type { RunWithState, TerraformSettings } from './store.ts';

const usual = ['terraform', 'tofu'];

export const sourceFolder = (run: Run) => join(run.folder, 'terraform');

/** Its path; '' = there is none. */
export async function findProgram({ terraform, environment }: RunDependencies): Promise<string> {
  const { program = '' } = terraform ?? {};
  const folders = (renderEnvironment('', environment).PATH ?? '').split(':');
  const wanted = program ? [program] : usual;
  const paths = wanted.flatMap(name => (isAbsolute(name) ? [name] : folders.map(folder => join(folder, name))));
  for (const path of paths) {
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return '';
}

/** Mistakes in words; empty = it can be run. */
export async function checkRun(run: Run, dependencies: RunDependencies): Promise<string[]> {
  const mistakes: string[] = [];
  const { program = '' } = dependencies.terraform ?? {};
  if (!(await findProgram(dependencies)))
    mistakes.push(
      program
        ? `There is no program ${program} on this worker: correct AEGIR_TERRAFORM.`
        : 'There is neither terraform nor tofu on this worker: install one of them, or say by AEGIR_TERRAFORM where it is.',
    );
  const files = await readdir(sourceFolder(run)).catch(() => [] as string[]);
  if (!files.some(name => name.endsWith('.tf')))
    mistakes.push(`The Task type ${run.taskType.name} has no terraform/*.tf.`);
  if (run.target !== 'worker') mistakes.push('Terraform runs on the worker, not on a Server.');
  if (!run.state) mistakes.push('It is not known for what the state is kept: start the Operation anew.');
  return mistakes;
}

export function settingsOf({ terraform }: RunDependencies): TerraformSettings {
  if (!terraform) throw new TypeError('This worker was built without a place for the states of Terraform.');
  return terraform;
}

export const hasState = (run: Run): run is RunWithState => run.state !== undefined;
