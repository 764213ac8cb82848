import type { Logger } from 'pino';
import type { EventDocument } from '../../../src/api/events/schemas.ts';
import { configSchema, type Config } from '../../../src/config/schema.ts';
import type { WrapperSnapshot } from '../../../src/coordination/link.ts';
import { NO_USAGE } from '../../../src/domain/agent.ts';
import { AgentRecord, type AgentRow, type PaneView } from '../../../src/supervisor/project/agent-record.ts';
import { EventLog } from '../../../src/supervisor/project/event-log.ts';

export const BEGIN = Date.UTC(2030, 0, 1);

/** A clock that stands still until told. */
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

export function record(id = 'worker-1', fields: Partial<AgentRow> = {}): AgentRecord {
  return new AgentRecord(row(id, fields), `/repo.swarm/${id}`, `token-of-${id}`, BEGIN);
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
