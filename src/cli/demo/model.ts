// oxlint-disable-next-line no-restricted-imports -- a server that is talked to while it runs
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { environmentFor } from '../../domain/environment.ts';
import { SwarmError } from '../../domain/errors.ts';
import { timeLimit } from '../../lib/clock.ts';
import { programFile } from '../project/supervise.ts';

const START_TIMEOUT_MS = 10_000;

/** The scripted Messages API, as a process of its own. */
export interface ScriptedModel {
  url: string;
  end(): Promise<void>;
}

/**
 * Starts the model. Its stdin is a pipe of this process: when this process is killed, it ends too.
 * @param script file with the script
 */
export async function startModel(env: NodeJS.ProcessEnv, script: string, signal: AbortSignal): Promise<ScriptedModel> {
  const child = spawn(process.execPath, [programFile('demo', env), '--script', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: environmentFor('swarm', env),
    // Ctrl-C is for the demonstration: agents that still use the model are ended first.
    detached: true,
  });
  try {
    return { url: await readUrl(child, signal), end: () => end(child) };
  } catch (error) {
    await end(child);
    throw error;
  }
}

async function readUrl(child: ChildProcess, signal: AbortSignal): Promise<string> {
  if (child.stdout === null) throw new SwarmError('demo-failed', 'the scripted model has no output');
  const lines = createInterface({ input: child.stdout });
  const patience = AbortSignal.any([signal, timeLimit(START_TIMEOUT_MS)]);
  try {
    const [url] = (await Promise.race([
      once(lines, 'line', { signal: patience }),
      once(lines, 'close', { signal: patience }),
    ])) as [string?];
    if (url?.startsWith('http://') === true) return url;
    throw new SwarmError('demo-failed', 'the scripted model did not start');
  } finally {
    lines.close();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
