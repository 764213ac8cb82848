import type { Gap } from '../../health/index.ts';
import type { WrittenBy } from '../project/agent-record.ts';

/** How long a jump of the clock may go unnoticed, ms: a time that was noted since the jump is by the new clock. */
const UNSEEN_MS = 5_000;

/**
 * Moves the times of a record after the wall clock has jumped or the supervisor did not run: waits last as long as
 * planned.
 */
export function moveTimes(record: WrittenBy<'fleet'>, { ms, end: now }: Gap): void {
  const { lifecycle, observed } = record;
  const isNew = (at: number): boolean => at <= now && now - at < Math.min(Math.abs(ms), UNSEEN_MS);
  const moved = (at: number): number => (isNew(at) ? at : at + ms);
  if (!isNew(lifecycle.since)) {
    if (lifecycle.phase === 'backoff') record.lifecycle = { ...lifecycle, until: lifecycle.until + ms };
    if ((lifecycle.phase === 'blocked' || lifecycle.phase === 'failed') && lifecycle.lookAgainAt !== undefined)
      record.lifecycle = { ...lifecycle, lookAgainAt: lifecycle.lookAgainAt + ms };
  }
  observed.silentSince = moved(observed.silentSince);
  observed.linkSince = moved(observed.linkSince);
  record.deaths = record.deaths.map(moved);
  record.vanished = record.vanished.map(moved);
}
