import type { Logger } from 'pino';
import { errorText } from '../../domain/errors.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import type { EventLog } from '../project/event-log.ts';
import type { Fleet } from '../fleet/fleet.ts';

export interface RestartOutdatedDeps {
  log: Logger;
  events: EventLog;
  fleet: Fleet;
  /** A digest of the settings with which a wrapper of this role would be started now; null: there is no such role. */
  keyOf(role: string): string | null;
  buildId: string;
}

/**
 * Restarts outdated agents: those whose settings have changed since their start, or whose wrapper is of another build
 * of swarm. Each is started again in the same conversation once it has nothing to do and no person looks at it, one
 * after the other.
 */
export class Refresh {
  readonly #deps: RestartOutdatedDeps;
  #running = false;

  constructor(deps: RestartOutdatedDeps) {
    this.#deps = deps;
  }

  /** Agents with earlier settings, or of another build. */
  get outdated(): AgentRecord[] {
    const { fleet } = this.#deps;
    const keys = new Map<string, string | null>();
    // A digest of the settings: once for all agents of a role.
    const keyOf = (role: string): string | null => {
      if (!keys.has(role)) keys.set(role, this.#deps.keyOf(role));
      return keys.get(role) ?? null;
    };
    return fleet.records.filter((record) => {
      if (record.observed.pane === null || fleet.desired(record) === 'stopped') return false;
      const key = keyOf(record.row.role);
      if (key === null) return false;
      const settings = record.spec?.settings;
      // A version that did not write its settings down is of another build, too.
      return this.#isOfOtherBuild(record) || (settings !== undefined && settings !== key);
    });
  }

  #isOfOtherBuild({ observed: { snapshot } }: AgentRecord): boolean {
    return snapshot !== null && snapshot.buildId !== this.#deps.buildId;
  }

  /** Once a second. */
  tick(): void {
    const { fleet, events, log } = this.#deps;
    if (this.#running || fleet.goingDown) return;
    const next = this.outdated.find(rests);
    if (next === undefined) return;
    this.#running = true;
    const name = this.#isOfOtherBuild(next) ? 'an update of swarm' : 'a change of its settings';
    // A task that it gets at this very moment goes on with the next wrapper.
    fleet
      .whileStopped(next, { name, leases: 'left' }, async () => events.emit('agent.refreshed', { agent: next.id }))
      .catch((error: unknown) => log.warn({ agent: next.id, detail: errorText(error) }, 'new settings were not given'))
      .finally(() => {
        this.#running = false;
      });
  }
}

/** Whether a restart now would lose no work and disturb no person. */
function rests({ observed, step, verdict: { status }, lifecycle }: AgentRecord): boolean {
  const { linked, pane, snapshot } = observed;
  const there = linked && !step.busy && step.queuedWork.length === 0 && lifecycle.phase === 'up' && snapshot !== null;
  if (!there || pane === null || pane.clients > 0) return false;
  return (status === 'idle' || status === 'paused') && snapshot.tasks.length === 0 && snapshot.needsYou.length === 0;
}
