import type { Logger } from 'pino';
import type { EventDocument } from '../../../src/api/events/schemas.ts';
import { configSchema, type Config } from '../../../src/config/schema.ts';
import type { WrapperSnapshot } from '../../../src/coordination/link.ts';
import { NO_USAGE } from '../../../src/domain/agent.ts';
import { Store } from '../../../src/store/store.ts';
import type { Fleet } from '../../../src/supervisor/fleet/fleet.ts';
import { Roster } from '../../../src/supervisor/fleet/roster.ts';
import {
  newRecord,
  type AgentRow,
  type PaneView,
  type WrittenBy,
} from '../../../src/supervisor/project/agent-record.ts';
import { EventLog } from '../../../src/supervisor/project/event-log.ts';
import type { Project } from '../../../src/supervisor/project/project.ts';

export const BEGIN = Date.UTC(2030, 0, 1);

/** A clock that stands still until `pass`. */
export class Time {
  value = BEGIN;
  readonly now = (): number => this.value;

  pass(ms: number): void {
    this.value += ms;
  }
}

const nothing = (): void => {};
export const silentLog = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
} as unknown as Logger;

/** Every promise callback that can run now has run when a macrotask comes. */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

export async function settled(times = 3): Promise<void> {
  for (let i = 0; i < times; i += 1) await settle();
}

export function config(input: unknown = {}): Config {
  return configSchema.parse(input);
}

export function row(id: string, fields: Partial<AgentRow> = {}): AgentRow {
  return {
    id,
    role: 'worker',
    kind: 'claude',
    desired: 'up',
    sessionId: null,
    restarts: 0,
    usage: { ...NO_USAGE },
    ...fields,
  };
}

/** A record that a test may bring into any state. */
export type AnyRecord = WrittenBy<'roster'> &
  WrittenBy<'fleet'> &
  WrittenBy<'watch'> &
  WrittenBy<'judge'> &
  WrittenBy<'holds'>;

export function record(id = 'worker-1', fields: Partial<AgentRow> = {}): AnyRecord {
  const place = { worktree: `/repo.swarm/${id}`, token: `token-of-${id}`, spec: null, portBase: null };
  return newRecord({ row: row(id, fields), ...place }, BEGIN);
}

/** The roster for agents that are made by `record`. */
export function roster(store = Store.memory()): Roster {
  const project = { repository: { head: { branch: 'main', commit: 'c0ffee' } } } as Project;
  return new Roster({ project, store, fleet: {} as Fleet });
}

/** Takes in a snapshot of its wrapper. @returns whether the roster has to store a change */
export function says(agent: AnyRecord, said: WrapperSnapshot, at: number): boolean {
  const changed = roster().heard(agent, said);
  agent.observed.snapshot = said;
  agent.observed.snapshotAt = at;
  return changed;
}

export function pane(fields: Partial<PaneView> = {}): PaneView {
  return { pane: '%1', session: '$1', pid: 4711, dead: false, status: null, signal: null, clients: 0, ...fields };
}

export function snapshot(agent = 'worker-1', fields: Partial<WrapperSnapshot> = {}): WrapperSnapshot {
  const at = new Date(BEGIN).toISOString();
  return {
    agent,
    kind: 'claude',
    slots: 1,
    incarnation: `${agent}-first`,
    wrapper: { pid: 4711, startTime: '1', bootId: 'b' },
    buildId: 'build',
    startedAt: at,
    child: { pid: 4712, startTime: '2', bootId: 'b' },
    sessionId: null,
    transcriptPath: null,
    turn: 'idle',
    turnSince: at,
    lastProgressAt: at,
    tasks: [],
    needsYou: [],
    held: null,
    paused: false,
    restarts: 0,
    lastExit: null,
    failure: null,
    usage: { ...NO_USAGE },
    contextPercent: null,
    branch: null,
    checkpoint: null,
    amqp: 'connected',
    spooled: [],
    ...fields,
  };
}

export interface Events {
  log: EventLog;
  all: EventDocument[];
  names(): string[];
}

export function events(): Events {
  const all: EventDocument[] = [];
  const log = new EventLog(
    {
      append: async (event) => {
        all.push({ id: all.length + 1, ...event });
        return all.length;
      },
      after: (id, limit) => all.filter((event) => event.id > id).slice(0, limit),
    },
    (error) => {
      throw error;
    },
  );
  return { log, all, names: () => all.map((event) => event.name) };
}
