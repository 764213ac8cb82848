import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { endAll, processesStartedIn, untilNone } from '../../test/support/processes.ts';
import { RUN_DIRECTORY, runDirectory } from '../../test/support/run-directory.ts';

export type Outcome = 'ok' | 'failed' | 'over budget' | 'interrupted';

export interface Command {
  argv: readonly string[];
  cwd: string;
  /** Added to this process's environment. */
  env?: Record<string, string>;
  budgetMs: number;
  /** Aborting ends the command at once. */
  interrupt: AbortSignal;
}

export interface Ended {
  outcome: Outcome;
  /** Command lines of processes that it left running; all of them have been ended. */
  left: string[];
}

/** How long a process that was told to end may take after the command has ended. */
const GRACE_MS = 5_000;

/**
 * Runs a command to its end, or ends it; no process that it started outlives this, nor does a file of it. It gets a
 * directory for all its files, by which its processes are known: the path is in the environment of each, whatever
 * session or parent they have by then.
 */
export async function runCommand(command: Command): Promise<Ended> {
  const directory = mkdtempSync(path.join(runDirectory(), 'sw-'));
  // Some tests check what another user can see.
  chmodSync(directory, 0o711);
  try {
    const outcome = await outcomeOf(command, directory);
    const ofRun = (): ReturnType<typeof processesStartedIn> => processesStartedIn(directory);
    const isCutShort = outcome === 'over budget' || outcome === 'interrupted';
    const left = await untilNone(ofRun, isCutShort ? 0 : GRACE_MS);
    const immortal = await endAll(ofRun);
    if (immortal.length > 0) throw new Error(`not to be ended: ${immortal.map(({ pid }) => pid).join(', ')}`);
    return { outcome, left: left.map(({ commandLine }) => commandLine) };
  } finally {
    removeDirectory(directory);
  }
}

async function outcomeOf({ argv, cwd, env, budgetMs, interrupt }: Command, directory: string): Promise<Outcome> {
  const [program = '', ...args] = argv;
  // A session of its own: Ctrl-C reaches this program alone, which then ends the command and all its processes.
  const child = spawn(program, args, {
    cwd,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env, TMPDIR: directory, [RUN_DIRECTORY]: directory },
    detached: true,
  });
  const exited = once(child, 'exit').then(
    ([code]): Outcome => (code === 0 ? 'ok' : 'failed'),
    (error: unknown): Outcome => {
      console.error(`cannot start ${program}: ${String(error)}`);
      return 'failed';
    },
  );
  const { promise: overBudget, resolve: spend } = Promise.withResolvers<Outcome>();
  const timer = setTimeout(() => spend('over budget'), budgetMs);
  const { promise: interrupted, resolve: stop } = Promise.withResolvers<Outcome>();
  const onAbort = (): void => stop('interrupted');
  interrupt.addEventListener('abort', onAbort);
  if (interrupt.aborted) onAbort();
  try {
    return await Promise.race([exited, overBudget, interrupted]);
  } finally {
    clearTimeout(timer);
    interrupt.removeEventListener('abort', onAbort);
  }
}

/** Removes a directory, with the file systems that were mounted in it. */
function removeDirectory(directory: string): void {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((place) => place.startsWith(`${directory}/`));
  // Inner ones were mounted later.
  for (const place of mounts.reverse()) spawnSync('umount', ['--lazy', place]);
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
}
