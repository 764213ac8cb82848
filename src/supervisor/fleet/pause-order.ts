import type { AgentDesired } from '../../domain/agent.ts';
import type { WrittenBy } from '../project/agent-record.ts';
import type { FleetDeps, FleetEffects } from './fleet-dependencies.ts';

/** Time limit of an order to pause or resume, ms; it is repeated until the wrapper's snapshot agrees. */
const PAUSE_ORDER_TIMEOUT_MS = 5_000;

/** Orders pause or resume until the wrapper's snapshot shows the wanted state. */
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
