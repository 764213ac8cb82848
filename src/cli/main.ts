import process from 'node:process';
import { SwarmError, errorText } from '../domain/errors.ts';
import { Interrupt } from './project/interrupt.ts';
import { run } from './program.ts';
import { Output, shortCommand } from './say/output.ts';
import { splitCommandLine } from './verb/command-line.ts';

/** Runs one command line and sets the exit code. Nothing is thrown: this is where every error ends. */
export async function main(argv: readonly string[]): Promise<void> {
  endQuietlyWhenNobodyReads();
  // Before any option is parsed, since the answer to a wrong option must have the right form too.
  const { own } = splitCommandLine(argv);
  const options = own.slice(0, own.includes('--') ? own.indexOf('--') : undefined);
  const output = new Output({
    stdout: process.stdout,
    stderr: process.stderr,
    json: options.includes('--json'),
    debug: options.includes('--debug'),
    command: shortCommand(process.env['SWARM_COMMAND'] ?? 'swarm', process.env['PATH'] ?? ''),
  });
  using interrupt = new Interrupt();
  try {
    process.exitCode = await run({
      output,
      interrupt,
      env: process.env,
      cwd: process.cwd(),
      stdin: process.stdin,
      argv,
    });
  } catch (error) {
    process.exitCode = interrupt.exitCode ?? report(error, output);
  }
}

function report(error: unknown, output: Output): number {
  output.error(error);
  if (!(error instanceof SwarmError) && !output.debug)
    output.note(`Run it again with --debug to see where: ${errorText(error)}`);
  return error instanceof SwarmError ? error.exitCode : 1;
}

/** Ends quietly when its output is closed: `swarm logs | head` is no error. */
function endQuietlyWhenNobodyReads(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
      throw error;
    });
  }
}
