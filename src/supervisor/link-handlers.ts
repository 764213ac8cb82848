import type { Logger } from 'pino';
import type { TaskEngine } from '../scheduler/engine.ts';
import type { AgentRecord } from './project/agent-record.ts';
import type { Dispatch } from './tasks/dispatch.ts';
import type { EventLog } from './project/event-log.ts';
import type { Fleet } from './fleet/fleet.ts';
import type { Roster } from './fleet/roster.ts';
import type { Holds } from './holds/holds.ts';
import type { Leases } from './tasks/leases.ts';
import type { MessageDesk } from './links/message-desk.ts';
import type { LinkHandlers } from './links/link-server.ts';
import { WrapperEvents } from './links/wrapper-events.ts';
import type { ToWrapper } from '../coordination/link.ts';

type Welcome = Extract<ToWrapper, { type: 'welcome' }>;

export interface LinkHandlersDeps {
  log: Logger;
  epoch: number;
  events: EventLog;
  /** The URL for wrappers; null: there is no broker now. */
  broker: { readonly url: string | null };
  engine: TaskEngine;
  fleet: Fleet;
  dispatch: Dispatch;
  leases: Leases;
  messages: MessageDesk;
  holds: Holds;
  roster: Roster;
}

/** Passes the wrappers' messages on to the rooms. */
export function linkHandlers(deps: LinkHandlersDeps): LinkHandlers {
  const { log, epoch, engine, fleet, dispatch, leases, messages, holds, roster, broker } = deps;
  const told = new WrapperEvents(deps);
  // A row that cannot be stored now, because the disk is full, is stored with the next change.
  const keep = (record: AgentRecord): void => {
    const failed = (error: unknown): void =>
      log.error({ err: error, agent: record.id }, 'what is known of an agent could not be kept');
    roster.save(record).catch(failed);
  };
  return {
    tokenOf: (agent) => fleet.get(agent)?.token ?? null,
    welcome: (agent) => ({
      epoch,
      protocol: 1,
      amqpUrl: broker.url,
      attempts: engine.leases(agent).map(({ task, attempt }) => ({ task, attempt })),
      ...gateFor(deps, agent),
    }),
    connected: (agent, snapshot) => {
      const record = fleet.get(agent);
      if (record !== undefined) {
        roster.heard(record, snapshot);
        fleet.connected(agent, snapshot);
        keep(record);
        holds.observed(record);
      }
      messages.deliver(agent);
      log.info({ agent, incarnation: snapshot.incarnation }, 'a wrapper connected');
    },
    snapshot: (agent, snapshot) => {
      const record = fleet.get(agent);
      if (record !== undefined) {
        const changed = roster.heard(record, snapshot);
        fleet.observed(agent, snapshot);
        if (changed) keep(record);
        holds.observed(record);
      }
      leases.observed(snapshot);
    },
    event: (agent, event) => {
      told.take(agent, event);
      const failed = (error: unknown): void => log.error({ err: error, agent }, 'a receipt could not be kept');
      messages.told(event).catch(failed);
    },
    disconnected: (agent) => {
      dispatch.forget(agent);
      fleet.disconnected(agent);
    },
    problem: (detail, error) => log.warn({ err: error }, detail),
  };
}

function gateFor({ fleet, holds }: LinkHandlersDeps, agent: string): Pick<Welcome, 'gate'> {
  const record = fleet.get(agent);
  const gate = record === undefined ? null : holds.gateOf(record);
  return gate === null ? {} : { gate };
}
