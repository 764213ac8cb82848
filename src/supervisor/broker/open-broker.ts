import type { Logger } from 'pino';
import type { TaskEngine } from '../../scheduler/engine.ts';
import { BrokerKeeper } from './broker-keeper.ts';
import { brokerPort } from './broker-control.ts';
import type { Dispatch } from '../tasks/dispatch.ts';
import type { EventLog } from '../project/event-log.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Project } from '../project/project.ts';
import { SupervisorQueue, type QueueDeps } from './queue.ts';

export interface OpenBrokerDeps {
  project: Project;
  log: Logger;
  events: EventLog;
  engine: TaskEngine;
  fleet: Fleet;
  dispatch: Dispatch;
  heartbeat: QueueDeps['heartbeat'];
  onUrl(url: string | null): void;
}

export interface BrokerSide {
  queue: SupervisorQueue;
  keeper: BrokerKeeper;
  /** Declares queues that are new; each connect declares everything anyway, so that nobody waits for it. */
  redeclare(): void;
}

/** The broker and what this supervisor says and hears there. */
export function openBroker(world: OpenBrokerDeps): BrokerSide {
  const { project, log, events, engine, fleet, dispatch } = world;
  const { layout, config } = project;
  const queue = new SupervisorQueue({
    project: layout.hash,
    log,
    agents: () => fleet.records.map((record) => record.id),
    capabilities: () => Object.values(config.agents).flatMap((role) => role.capabilities),
    claim: (claim) => dispatch.claim(claim),
    result: async (result) => void (await engine.result(result)),
    heartbeat: world.heartbeat,
    submit: async (task, messageId) => {
      const retries = task.retries ?? config.tasks.retries;
      await engine.submit([{ ...task, retries, key: task.key ?? `message:${messageId}` }]);
    },
    onState: (state) => {
      if (state.status === 'connected') {
        keeper.connected();
        void back();
      } else if (state.status === 'connecting' && state.error !== null) keeper.disconnected(state.error);
    },
  });
  const keeper = new BrokerKeeper({
    url: config.broker.url ?? null,
    broker: brokerPort(layout),
    log,
    onUrl: (url) => {
      queue.setUrl(url);
      world.onUrl(url);
    },
    onChange: (state) => events.emit(`broker.${state.state}`, { data: { ...state } }),
  });
  const back = async (): Promise<void> => {
    try {
      if (await queue.bus.brokerIsNew()) dispatch.brokerLost();
      dispatch.pump();
    } catch (error) {
      log.warn({ err: error }, 'the broker went away again');
    }
  };
  const redeclare = (): void => {
    const failed = (error: unknown): void => log.warn({ err: error }, 'new queues could not be declared yet');
    queue.redeclare().catch(failed);
  };
  return { queue, keeper, redeclare };
}
