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
  /** Added to our own environment. */
  env?: Record<string, string>;
  budgetMs: number;
  /** Aborted: it is ended at once. */
  interrupt: AbortSignal;
}

export interface Ended {
  outcome: Outcome;
  /** What it had started and left running, by command line: none of that lives any more. */
  left: string[];
}

/** What has been told to end may still be at it when the command is through. */
const GRACE_MS = 5_000;

/**
 * Runs a command to its end, or ends it; nothing that it started outlives this, nor does a file of it. It gets a
 * directory for all that it keeps, and what is of the command is known by that: it stands in the environment of each of
 * its processes, whatever session or parent they have by then.
 */
export async function runCommand(command: Command): Promise<Ended> {
  const directory = mkdtempSync(path.join(runDirectory(), 'sw-'));
  // Some tests look at what another user may see.
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
  // A session of its own: Ctrl-C comes to us alone, who then end all of it.
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

/** With the file systems that were mounted in it. */
function removeDirectory(directory: string): void {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((place) => place.startsWith(`${directory}/`));
  // Inner ones were mounted later.
  for (const place of mounts.reverse()) spawnSync('umount', ['--lazy', place]);
  rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
}
