import type { AlertDocument } from '../../api/alerts/schemas.ts';
import { Backoff, FULL_JITTER } from '../../lib/backoff.ts';
import { type Clock, sleep, systemClock, timeLimit } from '../../lib/clock.ts';
import { StartError } from '../../lib/start-error.ts';
import { run } from '../../process/run.ts';

/** A destination of alerts; rejects when an alert did not get there. `unasked`: it does not want this one. */
export type AlertSink = (alert: AlertDocument, signal: AbortSignal) => Promise<void | 'unasked'>;

type Tell = (alert: AlertDocument, signal: AbortSignal) => Promise<void>;

const COMMAND_TIMEOUT_MS = 30_000;
const WEBHOOK_TIMEOUT_MS = 10_000;
const WEBHOOK_TRIES = 6;
const WEBHOOK_BACKOFF = { baseMs: 1_000, capMs: 60_000, jitter: FULL_JITTER };

/** Runs the argv with the alert as JSON on its stdin and in SWARM_ALERT_… of its environment. */
export function commandSink(argv: readonly string[], { cwd, env }: { cwd: string; env: Record<string, string> }): Tell {
  return async (alert, signal) => {
    const place = { program: argv[0] ?? '', cwd, searchPath: env['PATH'] };
    const end = await run(argv, {
      cwd,
      env: {
        ...env,
        SWARM_ALERT_STATE: alert.state,
        SWARM_ALERT_SEVERITY: alert.severity,
        SWARM_ALERT_KEY: alert.key,
        SWARM_ALERT_TEXT: alert.text,
        SWARM_ALERT_AGENT: alert.agent ?? '',
      },
      input: `${JSON.stringify(alert)}\n`,
      output: 'ignore',
      signal,
      timeoutMs: COMMAND_TIMEOUT_MS,
      leftovers: 'always-end',
    }).catch((cause: unknown) => {
      signal.throwIfAborted();
      throw new StartError(place, cause, { setting: 'alerts.command' });
    });
    if (end.by === 'escaped')
      throw new Error(`${argv[0]} has not ended, and runs as another user, whose processes cannot be ended`);
    if (end.exitCode !== 0) throw new Error(`${argv[0]} ended with ${end.signal ?? `exit code ${end.exitCode}`}`);
  };
}

/** POSTs the alert as JSON; a refusal that may pass is tried again, ever more rarely. */
export function webhookSink(url: string, clock: Clock = systemClock): Tell {
  return async (alert, signal) => {
    const backoff = new Backoff(WEBHOOK_BACKOFF);
    for (;;) {
      const problem = await post(url, alert, signal);
      if (problem === null) return;
      if (!problem.again || backoff.attempt >= WEBHOOK_TRIES - 1) throw new Error(problem.text);
      await sleep(clock, backoff.next(), signal);
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
      signal: AbortSignal.any([signal, timeLimit(WEBHOOK_TIMEOUT_MS)]),
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
