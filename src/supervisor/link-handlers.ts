import type { Logger } from 'pino';
import type { TaskEngine } from '../scheduler/engine.ts';
import type { AgentRecord } from './project/agent-record.ts';
import type { Dispatch } from './tasks/dispatch.ts';
import type { EventLog } from './project/event-log.ts';
import type { Fleet } from './fleet/fleet.ts';
import type { Holds } from './holds/holds.ts';
import type { Leases } from './tasks/leases.ts';
import type { MessageDesk } from './links/message-desk.ts';
import type { LinkHandlers } from './links/link-server.ts';
import { WrapperEvents } from './links/wrapper-events.ts';
import type { ToWrapper } from '../coordination/link.ts';

type Welcome = Extract<ToWrapper, { type: 'welcome' }>;

/** Functions, since the links are there before those that they tell. */
export interface LinkHandlersDeps {
  log: Logger;
  epoch: number;
  events: EventLog;
  amqpUrl(): string | null;
  engine(): TaskEngine;
  fleet(): Fleet;
  dispatch(): Dispatch;
  leases(): Leases;
  messages(): MessageDesk;
  holds(): Holds;
  /** Keeps what is known of the agent. */
  save(record: AgentRecord): Promise<void>;
}

/** What the wrappers say, to whom it matters. */
export function linkHandlers(world: LinkHandlersDeps): LinkHandlers {
  const { log, epoch } = world;
  const told = new WrapperEvents(world);
  // What cannot be kept now, because the disk is full, is kept with the next change.
  const keep = (record: AgentRecord): void => {
    const failed = (error: unknown): void =>
      log.error({ err: error, agent: record.id }, 'what is known of an agent could not be kept');
    world.save(record).catch(failed);
  };
  return {
    tokenOf: (agent) => world.fleet().get(agent)?.token ?? null,
    welcome: (agent) => ({
      epoch,
      protocol: 1,
      amqpUrl: world.amqpUrl(),
      attempts: world
        .engine()
        .leases(agent)
        .map(({ task, attempt }) => ({ task, attempt })),
      ...gateFor(world, agent),
    }),
    connected: (agent, snapshot) => {
      const record = world.fleet().connected(agent, snapshot);
      if (record !== null) keep(record);
      if (record !== null) world.holds().observed(record);
      world.messages().deliver(agent);
      log.info({ agent, incarnation: snapshot.incarnation }, 'a wrapper connected');
    },
    snapshot: (agent, snapshot) => {
      const before = world.fleet().get(agent)?.row;
      const record = world.fleet().observed(agent, snapshot);
      if (record !== null && record.row !== before) keep(record);
      if (record !== null) world.holds().observed(record);
      world.leases().observed(snapshot);
    },
    event: (agent, event) => {
      told.take(agent, event);
      const failed = (error: unknown): void => log.error({ err: error, agent }, 'a receipt could not be kept');
      world.messages().told(event).catch(failed);
    },
    disconnected: (agent) => {
      world.dispatch().forget(agent);
      world.fleet().disconnected(agent);
    },
    problem: (detail, error) => log.warn({ err: error }, detail),
  };
}

function gateFor({ fleet, holds }: LinkHandlersDeps, agent: string): Pick<Welcome, 'gate'> {
  const record = fleet().get(agent);
  return record === undefined || record.row.kind !== 'claude' ? {} : { gate: holds().gateOf(record) };
}
