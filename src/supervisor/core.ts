import { TaskEngine } from '../scheduler/engine.ts';
import { openBroker, type BrokerSide } from './broker/open-broker.ts';
import { AgentNames } from './fleet/agent-names.ts';
import { DeathsMemory } from './fleet/deaths-memory.ts';
import { Fleet } from './fleet/fleet.ts';
import { Roster } from './fleet/roster.ts';
import { openTmuxHost, type TmuxHost } from './fleet/tmux-host.ts';
import { LinkServer } from './links/link-server.ts';
import { EventLog } from './project/event-log.ts';
import { OngoingWork } from './project/ongoing-work.ts';
import type { SupervisorOptions } from './supervisor-options.ts';
import { HealthHistory } from './watch/health-history.ts';

/** The foundation of every room. No part of it looks, listens or acts before it is told to begin. */
export interface Core extends SupervisorOptions {
  events: EventLog;
  history: HealthHistory;
  fleet: Fleet;
  names: AgentNames;
  engine: TaskEngine;
  links: LinkServer;
  tmux: TmuxHost;
  broker: BrokerSide;
  roster: Roster;
  ongoing: OngoingWork;
  now(): number;
  onError(error: unknown): void;
}

export function openCore(options: SupervisorOptions): Core {
  const { project, store, log } = options;
  const { config } = project;
  const now = (): number => Date.now();
  const onError = (error: unknown): void => log.error({ err: error }, 'something failed in the background');
  const events = new EventLog(store.events, onError);
  const fleet = new Fleet({ log, events, now, memory: new DeathsMemory({ store, log }) });
  const engine = new TaskEngine({
    store,
    get maxOpenTasks() {
      return config.tasks.max;
    },
    agents: () => fleet.records.map(({ id, row }) => ({ id, kind: row.kind })),
    verifyNames: () => Object.keys(config.verify),
    onError,
  });
  engine.onEvents((happened) => happened.forEach((event) => events.publish(event)));
  const links = new LinkServer(store.epoch);
  return {
    ...options,
    events,
    history: new HealthHistory({ store, events, log }),
    fleet,
    names: new AgentNames({ fleet, store }),
    engine,
    links,
    tmux: openTmuxHost(options, () => fleet.wake()),
    broker: openBroker({
      ...options,
      events,
      fleet,
      onUrl: (url) => links.broadcast({ type: 'broker', epoch: store.epoch, amqpUrl: url }),
    }),
    roster: new Roster({ project, store, fleet }),
    ongoing: new OngoingWork(),
    now,
    onError,
  };
}
