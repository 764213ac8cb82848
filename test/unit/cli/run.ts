import { PassThrough } from 'node:stream';
import { SwarmError } from '../../../src/domain/errors.ts';
import type { Invocation } from '../../../src/cli/project/context.ts';
import { Interrupt } from '../../../src/cli/project/interrupt.ts';
import { Output } from '../../../src/cli/say/output.ts';

export interface Screen {
  output: Output;
  stdout(): string;
  stderr(): string;
}

/** Output into memory; no terminal, so nothing is coloured. */
export function screen(options: { json?: boolean; debug?: boolean; command?: string } = {}): Screen {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const texts = [stdout, stderr].map((stream) => {
    const parts: string[] = [];
    stream.on('data', (part: Buffer) => parts.push(part.toString()));
    return () => parts.join('');
  });
  const { json = false, debug = false, command = 'swarm' } = options;
  return {
    output: new Output({
      stdout: stdout as unknown as NodeJS.WriteStream,
      stderr: stderr as unknown as NodeJS.WriteStream,
      json,
      debug,
      command,
    }),
    stdout: texts[0] ?? (() => ''),
    stderr: texts[1] ?? (() => ''),
  };
}

export function world(argv: readonly string[], given: Screen, env: NodeJS.ProcessEnv = {}): Invocation {
  return {
    argv,
    output: given.output,
    interrupt: new Interrupt(),
    env,
    cwd: '/',
    stdin: new PassThrough() as unknown as NodeJS.ReadStream,
  };
}

/** The error of a promise or function, which must be a SwarmError. */
export async function thrown(action: () => unknown): Promise<SwarmError> {
  try {
    await action();
  } catch (error) {
    if (error instanceof SwarmError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
