import type { AgentDesired } from '../../domain/agent.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import type { FleetDeps, FleetEffects } from './fleet-dependencies.ts';

/** Pause and resume are repeated until the wrapper's snapshot agrees, at most this often. */
const PAUSE_ORDER_TIMEOUT_MS = 5_000;

/** A pause is a wish that the wrapper's snapshot must come to show. */
export function agreeOnPause(
  record: AgentRecord,
  desired: AgentDesired,
  { order, log }: Pick<FleetDeps, 'log'> & Pick<FleetEffects, 'order'>,
): void {
  if (!record.linked || record.snapshot === null || record.pauseOrdered || record.busy) return;
  if (desired === 'stopped') return;
  const paused = desired === 'paused';
  if (record.snapshot.paused === paused) return;
  record.pauseOrdered = true;
  order(record.id, { do: paused ? 'pause' : 'resume' }, PAUSE_ORDER_TIMEOUT_MS)
    .catch((error: unknown) => log.warn({ err: error, agent: record.id }, 'pause was not confirmed'))
    .finally(() => {
      record.pauseOrdered = false;
    });
}
