import path from 'node:path';
import { execa } from 'execa';
import { type IsolatedEnvironment, repositoryRoot } from './environment.ts';

export interface SwarmRun {
  /** null: ended by a signal. */
  exitCode: number | null;
  stdout: string;
  stderr: string;
  durationMs: number;
  /** stdout as one JSON document; throws with both outputs when it is none. */
  json<T = unknown>(): T;
  /** stdout as JSON lines. */
  jsonLines<T = unknown>(): T[];
}

export interface SwarmRunOptions {
  /** Ended, and the promise rejected, after so long. Default 60,000. */
  timeoutMs?: number;
  /** Written to stdin, which is then closed; without it stdin is empty. */
  input?: string;
  /** argv with which swarm is started instead of by scripts/swarm. */
  launcher?: readonly [string, ...string[]];
  /** Added to those of the environment, or with `undefined` removed from them. */
  variables?: Record<string, string | undefined>;
  signal?: AbortSignal;
}

/** The launcher of this checkout, as a person would call it. */
export const swarmScript = path.join(repositoryRoot, 'scripts/swarm');

/** Runs one swarm command to its end, as a person without a terminal would. A non-zero exit code does not reject. */
export async function runSwarm(
  environment: IsolatedEnvironment,
  cwd: string,
  args: readonly string[],
  options: SwarmRunOptions = {},
): Promise<SwarmRun> {
  const [program, ...first] = options.launcher ?? [swarmScript];
  const timeoutMs = options.timeoutMs ?? 60_000;
  const result = await execa(program, [...first, ...args], {
    cwd,
    env: { ...environment.variables, ...options.variables },
    extendEnv: false,
    input: options.input ?? '',
    reject: false,
    stripFinalNewline: false,
    timeout: timeoutMs,
    forceKillAfterDelay: 2_000,
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
  });
  const { stdout, stderr } = result;
  const shown = `swarm ${args.join(' ')}\nstdout: ${stdout}\nstderr: ${stderr}`;
  if (result.timedOut) throw new Error(`not done after ${timeoutMs} ms: ${shown}`);
  if (result.code === 'ENOENT') throw new Error(`cannot start ${program}`, { cause: result });
  const parse = (text: string): unknown => {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new Error(`not JSON: ${shown}`, { cause });
    }
  };
  return {
    exitCode: result.exitCode ?? null,
    stdout,
    stderr,
    durationMs: result.durationMs,
    json: <T>() => parse(stdout) as T,
    jsonLines: <T>() =>
      stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => parse(line) as T),
  };
}
