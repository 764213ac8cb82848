import type { Logger } from 'pino';
import type { Heartbeat } from '../../coordination/messages.ts';
import type { WrapperSnapshot } from '../../coordination/link.ts';
import { errorText } from '../../domain/errors.ts';
import type { Clock } from '../../lib/clock.ts';

export function heartbeatOf(snapshot: WrapperSnapshot): Heartbeat {
  return {
    agent: snapshot.agent,
    incarnation: snapshot.incarnation,
    attempts: snapshot.tasks.map(({ task, attempt, phase }) => ({ task, attempt, phase })),
  };
}

/**
 * Extends the leases of the attempts in hand every `everyMs`; returns the function that stops it. A heartbeat that
 * fails is not repeated: the next follows.
 */
export function startHeartbeat(options: {
  everyMs: number;
  snapshot(): WrapperSnapshot;
  publish(heartbeat: Heartbeat): Promise<void>;
  clock: Clock;
  log: Logger;
}): () => void {
  let cancel = (): void => {};
  const beat = (): void => {
    cancel = options.clock.after(options.everyMs, beat);
    options
      .publish(heartbeatOf(options.snapshot()))
      .catch((error: unknown) => options.log.debug({ error: errorText(error) }, 'a heartbeat was not sent'));
  };
  beat();
  return () => cancel();
}
