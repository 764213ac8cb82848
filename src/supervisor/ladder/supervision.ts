import path from 'node:path';
import type { Logger } from 'pino';
import { configDir } from '../../claude/home.ts';
import type { ExplainDocument } from '../../api/agents/schemas.ts';
import type { AgentDesired } from '../../domain/agent.ts';
import type { TaskEngine } from '../../scheduler/engine.ts';
import type { NoteToKeep } from '../../store/notes.ts';
import type { Store } from '../../store/store.ts';
import type { TroubleLimits } from '../../health/index.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import { loadEnvironment } from '../project/environment-snapshot.ts';
import type { EventLog } from '../project/event-log.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { Judge } from '../watch/judge.ts';
import { Ladder } from './ladder.ts';
import { takeRung, type LadderSteps } from './steps.ts';
import type { LinkServer } from '../links/link-server.ts';
import { LimitWatch } from '../watch/limits.ts';
import type { Project } from '../project/project.ts';
import type { Roster } from '../fleet/roster.ts';
import { sharedFor } from '../../lib/shared-for.ts';
import { Stops } from '../watch/stopped-processes.ts';
import type { TmuxHost } from '../fleet/tmux-host.ts';
import { Watch } from '../watch/observe.ts';
import type { ReversibleWork } from '../history/reversible-work.ts';

/** The environment changes with an `up`: how long a reading of it counts, ms. */
const ENVIRONMENT_MS = 60_000;

export interface SupervisionDeps {
  project: Project;
  store: Store;
  log: Logger;
  env: Record<string, string>;
  events: EventLog;
  engine: TaskEngine;
  tmux: TmuxHost;
  /** Called when the wall clock has jumped by so much, ms: waits of other rooms are moved too, and leases. */
  moved(byMs: number): Promise<void>;
  fleet: Fleet;
  works: ReversibleWork;
  links: LinkServer;
  roster: Roster;
}

/** A scan that comes late, on a busy machine, must not make an agent look idle: so many scans fit into `stuckAfter`. */
const SCANS_TO_STUCK = 6;

/** Observes agents, judges them, and acts on those without progress. */
export class Supervision {
  readonly judge: Judge;
  readonly watch: Watch;
  readonly #ladder: Ladder;
  readonly #limits: LimitWatch;
  readonly #stops: Stops;

  constructor(deps: SupervisionDeps) {
    const { project, store, log, env, events, engine, tmux, fleet, works, links, roster } = deps;
    const { layout, config } = project;
    const now = (): number => Date.now();
    const records = (): AgentRecord[] => fleet.records;
    const onError = (error: unknown): void => log.error({ err: error }, 'an agent could not be looked after');
    const claudeDir = sharedFor(ENVIRONMENT_MS, async () => configDir(loadEnvironment(layout.envSnapshot, env)));
    let claude = path.join(env['HOME'] ?? '/', '.claude');
    this.watch = new Watch({
      log,
      now,
      records,
      screen: (pane) => tmux.screen(pane),
      keys: () => tmux.keys(),
      output: (agent, task, attempt) => path.join(layout.logsDir, agent, `${task}-${attempt}.log`),
      scanAtLeastEveryMs: () => config.health.stuckAfter / SCANS_TO_STUCK,
      claudeDir: () => {
        void claudeDir().then((dir) => (claude = dir));
        return claude;
      },
      onGap: (gap) => {
        const { ms } = gap;
        fleet.moveTimes(gap);
        events.emit('swarm.gap', { data: { ms } });
        deps.moved(ms).catch(onError);
      },
    });
    const gaps = (): Watch['gaps'] => this.watch.gaps;
    // Settings may change while the supervisor runs.
    const limits = (): TroubleLimits => {
      const { stuckAfter, longestCommand, loopAfter } = config.health;
      return { stuckAfterMs: stuckAfter, longestCommandMs: longestCommand, loopAfter };
    };
    this.judge = new Judge({ limits, gaps, events, now, probeError: () => fleet.probeError });
    const another = (record: AgentRecord): string | null => this.#another(deps, record);
    const order: LadderSteps['order'] = (agent, what, timeoutMs) => links.order(agent, what, timeoutMs);
    const steps: LadderSteps = { fleet, engine, works, order, roster, another, now };
    const memoryOf = <K extends 'health.ladder' | 'health.days'>(key: K) => ({
      read: () => store.notes.get(key) ?? {},
      write: (value: NoteToKeep<K>) => store.write(() => store.notes.set(key, value)),
    });
    this.#ladder = new Ladder({
      log,
      events,
      now,
      gaps,
      rules: () => config.health.ladder,
      stuckAfterMs: () => config.health.stuckAfter,
      records,
      task: (id) => engine.find(id),
      holder: (task) => engine.leases().find((lease) => lease.task === task)?.agent ?? null,
      another,
      take: (rung, record, why) => takeRung(steps, rung, record, why),
      memory: memoryOf('health.ladder'),
    });
    this.#limits = new LimitWatch({
      events,
      now,
      gaps,
      records,
      limits: ({ row }) => config.agents[row.role]?.limits ?? null,
      pause: (record, text) => this.#pause(deps, record, text),
      memory: memoryOf('health.days'),
      onError,
    });
    this.#stops = new Stops({ events, records, ran: (pid) => this.watch.ran(pid) });
  }

  /** Once a second. */
  tick(): void {
    this.watch.tick();
    this.#stops.tick();
    this.#limits.tick();
    this.#ladder.tick();
  }

  /** With facts that are only measured for this question. */
  explain(record: AgentRecord, desired: AgentDesired): ExplainDocument {
    this.watch.measure(record);
    const document = this.judge.explain(record, desired);
    const ladder = this.#ladder.stateOf(record.id);
    if (ladder === null) return document;
    const value = `${ladder.rung ?? 'nothing done yet'}, because of ${ladder.cause}`;
    return { ...document, facts: [...document.facts, { fact: 'ladder', value, ageMs: Date.now() - ladder.at }] };
  }

  /** Renews limits and ladder, as a person lets the agent go on. */
  renew(record: AgentRecord): void {
    this.#limits.renew(record);
    this.#ladder.forget(record.id);
  }

  /** The agent that could do its task instead: a free one first. */
  #another({ engine, project, fleet }: SupervisionDeps, record: AgentRecord): string | null {
    const held = engine.leases(record.id)[0]?.task;
    const task = held === undefined ? undefined : engine.find(held);
    if (task === undefined || task.agent !== null) return null;
    const able = fleet.records.filter(
      ({ id, row, observed, verdict: { status } }) =>
        id !== record.id &&
        row.kind === task.kind &&
        row.desired === 'up' &&
        observed.linked &&
        (status === 'idle' || status === 'working') &&
        task.needs.every((need) => project.config.agents[row.role]?.capabilities.includes(need)),
    );
    return (able.find(({ verdict }) => verdict.status === 'idle') ?? able[0])?.id ?? null;
  }

  async #pause({ fleet, roster, events }: SupervisionDeps, record: AgentRecord, text: string): Promise<void> {
    const paused = roster.wants(record, 'paused');
    events.emit('agent.limit.paused', { agent: record.id, data: { text } });
    await paused;
    await fleet.whileStopped(record, { name: `its pause: ${text}`, leases: 'given-back' }, () => Promise.resolve());
  }
}
