import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AlertDocument } from '../api/documents.ts';
import { Backoff } from '../lib/backoff.ts';
import { systemClock, type Clock } from '../lib/clock.ts';

/** Where alerts go; rejects when it did not get there. */
export type AlertSink = (alert: AlertDocument, signal: AbortSignal) => Promise<void>;

const COMMAND_TIMEOUT_MS = 30_000;
const WEBHOOK_TIMEOUT_MS = 10_000;
const WEBHOOK_TRIES = 6;
const WEBHOOK_BACKOFF = { baseMs: 1_000, capMs: 60_000 };

/** Runs the argv with the alert as JSON on its stdin and in SWARM_ALERT_… of its environment. */
export function commandSink(argv: readonly string[], world: { cwd: string; env: Record<string, string> }): AlertSink {
  return async (alert, signal) => {
    const [program = '', ...args] = argv;
    const child = spawn(program, args, {
      cwd: world.cwd,
      env: {
        ...world.env,
        SWARM_ALERT_STATE: alert.state,
        SWARM_ALERT_SEVERITY: alert.severity,
        SWARM_ALERT_KEY: alert.key,
        SWARM_ALERT_TEXT: alert.text,
        SWARM_ALERT_AGENT: alert.agent ?? '',
      },
      stdio: ['pipe', 'ignore', 'ignore'],
      // A group of its own, so that its end takes along what it has started.
      detached: true,
    });
    const end = (): void => endGroup(child.pid);
    const timer = setTimeout(end, COMMAND_TIMEOUT_MS);
    signal.addEventListener('abort', end, { once: true });
    try {
      // One that does not read its stdin has not failed.
      child.stdin.on('error', () => undefined);
      child.stdin.end(`${JSON.stringify(alert)}\n`);
      const [code, killedBy] = (await once(child, 'exit')) as [number | null, string | null];
      if (code !== 0) throw new Error(`${program} ended with ${killedBy ?? `exit code ${code}`}`);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      end();
    }
  };
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // Nothing of it is left.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** POSTs the alert as JSON; what is refused for a while is tried again, ever more rarely. */
export function webhookSink(url: string, clock: Clock = systemClock): AlertSink {
  return async (alert, signal) => {
    const backoff = new Backoff(WEBHOOK_BACKOFF);
    for (;;) {
      const problem = await post(url, alert, signal);
      if (problem === null) return;
      if (!problem.again || backoff.attempt >= WEBHOOK_TRIES - 1) throw new Error(problem.text);
      await clock.sleep(backoff.next(), signal);
    }
  };
}

async function post(
  url: string,
  alert: AlertDocument,
  signal: AbortSignal,
): Promise<{ text: string; again: boolean } | null> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(alert),
      signal: AbortSignal.any([signal, AbortSignal.timeout(WEBHOOK_TIMEOUT_MS)]),
    });
    await response.body?.cancel();
    if (response.ok) return null;
    const again = response.status >= 500 || response.status === 408 || response.status === 429;
    return { text: `the webhook answered ${response.status}`, again };
  } catch (error) {
    if (signal.aborted) throw error;
    return {
      text: `the webhook cannot be reached: ${error instanceof Error ? error.message : String(error)}`,
      again: true,
    };
  }
}
