import type { Logger } from 'pino';
import type { Config, RoleConfig } from '../../config/index.ts';
import type { Order } from '../../coordination/link.ts';
import { SHELL_CAPABILITY } from '../../coordination/tickets.ts';
import { errorText } from '../../domain/errors.ts';
import type { TaskEngine } from '../../scheduler/engine.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import type { EventLog } from '../project/event-log.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { LinkServer } from '../links/link-server.ts';
import type { Project } from '../project/project.ts';
import type { Roster } from '../fleet/roster.ts';
import { desiredCount, type ScaleState } from './scale.ts';
import type { WantedAgent } from '../fleet/wanted-agents.ts';

export interface ScalerDeps {
  log: Logger;
  events: EventLog;
  config: Pick<Config, 'agents'>;
  fleet: Pick<Fleet, 'records' | 'goingDown' | 'wake'>;
  engine: Pick<TaskEngine, 'backlog'>;
  roster: Pick<Roster, 'want' | 'isDown'>;
  now(): number;
  /** Takes a checkpoint of an idle agent before it is stopped. */
  checkpoint(record: AgentRecord): Promise<unknown>;
}

/** A first checkpoint of a large worktree reads many files. */
const CHECKPOINT_TIMEOUT_MS = 120_000;

/** Adapts the number of agents of a role to the waiting tasks, where the settings say so. */
export class Scaler {
  readonly #deps: ScalerDeps;
  readonly #changedAt = new Map<string, number>();
  #running = false;

  constructor(deps: ScalerDeps) {
    this.#deps = deps;
  }

  /** Once a second. */
  tick(): void {
    const { config, fleet, roster, log } = this.#deps;
    if (this.#running || fleet.goingDown || roster.isDown) return;
    for (const [role, settings] of Object.entries(config.agents)) {
      const state = this.#stateOf(role, settings);
      if (settings.scale === undefined || state === null) continue;
      const wanted = desiredCount(settings.scale, state);
      if (wanted === state.count) continue;
      this.#running = true;
      this.#change(role, settings, state.count, wanted)
        .catch((error: unknown) => log.warn({ role, detail: errorText(error) }, 'the number could not be changed'))
        .finally(() => {
          this.#changedAt.set(role, this.#deps.now());
          this.#running = false;
        });
      return;
    }
  }

  #stateOf(role: string, { scale, kind, slots, capabilities }: RoleConfig): ScaleState | null {
    if (scale === undefined) return null;
    const { engine, now } = this.#deps;
    const there = this.#there(role);
    const can = kind === 'shell' ? [...capabilities, SHELL_CAPABILITY] : capabilities;
    // Without a name: a task for one agent only is no reason for another agent.
    const { ready, oldestAt } = engine.backlog({ agent: '', kind, capabilities: can }, scale.max * slots);
    return {
      count: there.length,
      idle: there.filter(isFree).map(({ verdict }) => Math.max(0, now() - verdict.since)),
      coming: there.filter(({ verdict: { status } }) => status === 'starting' || status === 'recovering').length,
      held: there.filter(({ lifecycle }) => lifecycle.phase === 'waiting' && lifecycle.for === 'machine').length,
      slots,
      ready,
      oldest: oldestAt === null ? null : Math.max(0, now() - oldestAt),
      sinceChange: Math.abs(now() - (this.#changedAt.get(role) ?? Number.NEGATIVE_INFINITY)),
    };
  }

  #there(role: string): AgentRecord[] {
    return this.#deps.fleet.records.filter(({ row }) => row.role === role && row.desired !== 'stopped');
  }

  async #change(role: string, { kind }: RoleConfig, from: number, to: number): Promise<void> {
    const { roster, events } = this.#deps;
    const names = new Set(this.#there(role).map(({ id }) => id));
    const changes: WantedAgent[] = [];
    for (let n = 1; names.size < to; n += 1) {
      const id = `${role}-${n}`;
      if (names.has(id)) continue;
      names.add(id);
      changes.push({ id, role, kind, desired: 'up' });
    }
    if (to < from) changes.push(...(await this.#letGo(role, from - to)));
    if (changes.length === 0) return;
    await roster.want(changes);
    this.#deps.fleet.wake();
    const data = { role, from, to: this.#there(role).length, agents: changes.map(({ id }) => id) };
    events.emit('swarm.scaled', { data });
  }

  /** The agents that have been idle longest, each with a checkpoint, without those that got a task meanwhile. */
  async #letGo(role: string, count: number): Promise<WantedAgent[]> {
    const candidates = this.#there(role)
      .filter(isFree)
      .toSorted((a, b) => a.verdict.since - b.verdict.since);
    const gone: WantedAgent[] = [];
    for (const record of candidates.slice(0, count)) {
      await this.#deps.checkpoint(record);
      if (!isFree(record)) continue;
      gone.push({ id: record.id, role, kind: record.row.kind, desired: 'stopped' });
    }
    return gone;
  }
}

/** Whether the agent has nothing to do, no person looks at it, and none has to answer it. */
function isFree({ row, verdict, observed: { linked, pane, snapshot } }: AgentRecord): boolean {
  if (row.desired !== 'up' || verdict.status !== 'idle' || !linked || pane === null || snapshot === null) return false;
  return pane.clients === 0 && snapshot.tasks.length === 0 && snapshot.needsYou.length === 0;
}

/** The scaler of this project. */
export function openScaler(
  deps: Omit<ScalerDeps, 'config' | 'now' | 'checkpoint'> & { project: Project; links: LinkServer },
): Scaler {
  const order: Order = { do: 'checkpoint', reason: 'before it stops: nothing to do' };
  return new Scaler({
    ...deps,
    config: deps.project.config,
    now: () => Date.now(),
    checkpoint: ({ id }) => deps.links.order(id, order, CHECKPOINT_TIMEOUT_MS),
  });
}
