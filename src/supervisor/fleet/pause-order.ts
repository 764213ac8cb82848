import type { AgentDesired } from '../../domain/agent.ts';
import type { WrittenBy } from '../project/agent-record.ts';
import type { FleetDeps, FleetEffects } from './fleet-dependencies.ts';

/** Pause and resume are repeated until the wrapper's snapshot agrees, at most this often. */
const PAUSE_ORDER_TIMEOUT_MS = 5_000;

/** A pause is a wish that the wrapper's snapshot must come to show. */
export function agreeOnPause(
  { id, observed, step }: WrittenBy<'fleet'>,
  desired: AgentDesired,
  { order, log }: Pick<FleetDeps, 'log'> & Pick<FleetEffects, 'order'>,
): void {
  const { linked, snapshot } = observed;
  if (!linked || snapshot === null || step.pauseOrdered || step.busy) return;
  if (desired === 'stopped') return;
  const paused = desired === 'paused';
  if (snapshot.paused === paused) return;
  step.pauseOrdered = true;
  order(id, { do: paused ? 'pause' : 'resume' }, PAUSE_ORDER_TIMEOUT_MS)
    .catch((error: unknown) => log.warn({ err: error, agent: id }, 'pause was not confirmed'))
    .finally(() => {
      step.pauseOrdered = false;
    });
}
