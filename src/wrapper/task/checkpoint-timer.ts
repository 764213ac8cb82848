import type { Logger } from 'pino';
import { errorText } from '../../domain/errors.ts';
import type { Clock } from '../../lib/clock.ts';

/**
 * Calls `tick` every `everyMs`, for checkpoints beside those at the edges of turns. A tick looks for changes, unless a
 * watch knows that there are none.
 * @returns the function that stops it. A tick that fails is followed by the next.
 */
export function startCheckpointTimer(options: {
  everyMs: number;
  tick(): Promise<void>;
  clock: Clock;
  log: Logger;
}): () => void {
  let cancel = (): void => {};
  let stopped = false;
  const next = (): void => {
    if (!stopped) cancel = options.clock.after(options.everyMs, run);
  };
  const run = (): void => {
    options
      .tick()
      .catch((error: unknown) => options.log.warn({ error: errorText(error) }, 'the regular checkpoint failed'))
      .finally(next);
  };
  next();
  return () => {
    stopped = true;
    cancel();
  };
}
