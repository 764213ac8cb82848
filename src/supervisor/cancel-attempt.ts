import type { Logger } from 'pino';
import type { LinkServer } from './links.ts';

const CANCEL_TIMEOUT_MS = 10_000;

/** Tells a wrapper to stop work on an attempt; one that does not confirm is told again by whoever still waits for it. */
export async function cancelAttempt(
  links: Pick<LinkServer, 'order'>,
  log: Logger,
  { agent, task, attempt }: { agent: string; task: string; attempt: number },
): Promise<void> {
  await links
    .order(agent, { do: 'cancel', task, attempt }, CANCEL_TIMEOUT_MS)
    .catch((error: unknown) => log.warn({ err: error, agent, task }, 'a cancel was not confirmed'));
}
