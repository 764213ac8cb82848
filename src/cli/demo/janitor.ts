// oxlint-disable-next-line no-restricted-imports -- it outlives the demonstration, and hears of its end by the end of its stdin
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { environmentFor } from '../../domain/environment.ts';
import { endTree, findMarked, isAlive } from '../../process/index.ts';
import { run } from '../../process/run.ts';
import { waitFor } from '../../lib/wait.ts';
import { runTmux } from '../../tmux/index.ts';
import type { Context } from '../project/context.ts';
import { COMMAND_MARK, DEMO_MARK, readPlace, type DemoPlace } from './place.ts';
import { screenAddress } from './screen.ts';

const DOWN_TIMEOUT_MS = 60_000;
const GRACE_MS = 2_000;
const KEEP = 'keep\n';

/**
 * Clears the demonstration away, whichever way it ends: a process of its own that waits for the end of its stdin. That
 * comes when the demonstration orders it, when a second Ctrl-C ends it at once, and when it is killed.
 */
export interface Janitor {
  /** @returns false when a process could not be ended; everything is left in place then */
  cleanUp(): Promise<boolean>;
  /** Ends the janitor, which leaves everything as it is. */
  dismiss(): Promise<void>;
}

export function hireJanitor({ directory }: DemoPlace, env: NodeJS.ProcessEnv): Janitor {
  const child = spawn(process.execPath, [process.argv[1] ?? '', '__demo', 'clean-up', directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // A session of its own: signals to the demonstration and its terminal do not reach it.
    detached: true,
    cwd: '/',
    env: environmentFor('swarm', env),
  });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const say = async (text: string): Promise<boolean> => {
    child.stdin.end(text);
    const [code] = await ended;
    return code === 0;
  };
  return { cleanUp: () => say(''), dismiss: async () => void (await say(KEEP)) };
}

/** The janitor's own program. @returns its exit code */
export async function cleanUpLater(context: Context, directory: string): Promise<number> {
  // The signals are for the demonstration, after which the janitor cleans up.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
  let said = '';
  for await (const part of context.stdin) said += String(part);
  if (said === KEEP) return 0;
  const place = await readPlace(directory);
  // Gone already where the demonstration ended in order, and never there without a terminal.
  await runTmux(screenAddress(place), ['kill-server']).catch(() => undefined);
  await endCommands(directory);
  await run([process.execPath, process.argv[1] ?? '', 'down'], {
    cwd: place.repository,
    env: place.env,
    output: 'ignore',
    timeoutMs: DOWN_TIMEOUT_MS,
    graceMs: GRACE_MS,
  });
  // Processes that `down` could not end, and those that it did not know: a command of the narration, a git that hangs.
  const mark = { name: DEMO_MARK, prefix: directory };
  const { survivors } = await endTree({ roots: [], mark, graceMs: GRACE_MS });
  if (survivors.length > 0) return 1;
  await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  return 0;
}

/** Ends the commands of a killed narrator: an `up` that lives on would bring up again what is being taken down. */
async function endCommands(directory: string): Promise<void> {
  const commands = findMarked(COMMAND_MARK, directory).map(({ identity }) => identity);
  for (const { pid } of commands) kill(pid);
  const gone = (): boolean => !commands.some((one) => isAlive(one));
  await waitFor(gone, { timeoutMs: GRACE_MS, what: 'the commands of the narration to end' });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It ended by itself meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
