// Entry of the command line `aegir`.

import { dirname } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { readEnvironment } from './environment.ts';
import { CliError, exitCodes, renderError } from './exit.ts';
import { joinBooleanValues } from './flags.ts';
import { buildProgram } from './program.ts';

async function main(words: string[]): Promise<void> {
  const program = await buildProgram(readEnvironment(dirname(import.meta.dirname)), words);
  endByError(program);
  const command = program.commands.find(each => each.name() === words[0] || each.aliases().includes(words[0] ?? ''));
  await program.parseAsync(command === undefined ? words : joinBooleanValues(words, command), { from: 'user' });
}

/** Every command reports by an error instead of ending the process, so that there is one place for exit codes. */
function endByError(command: Command): void {
  command.exitOverride().showHelpAfterError('(--help says what there is)');
  command.commands.forEach(endByError);
}

function exitCodeOfError(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.succeeded : exitCodes.usage;
  return exitCodes.failed;
}

// `aegir logs … | head` is no mistake: nobody reads any more.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(exitCodes.succeeded);
});

try {
  await main(process.argv.slice(2));
} catch (error) {
  // Commander has said its own already.
  if (!(error instanceof CommanderError)) process.stderr.write(renderError(error));
  process.exitCode = exitCodeOfError(error);
}
