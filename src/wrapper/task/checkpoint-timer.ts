import type { Logger } from 'pino';
import { errorText } from '../../domain/errors.ts';
import type { Clock } from '../../lib/clock.ts';

/**
 * Beside the checkpoints at edges, one every so often while something changes. `tick` looks, unless it knows that
 * nothing stirred. Returns the stop. A tick that fails is followed by the next.
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
