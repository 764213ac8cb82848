import type { Logger } from 'pino';
import { brokerPaths } from '../../broker/index.ts';
import type { TaskEngine } from '../../scheduler/engine.ts';
import { BrokerKeeper } from './broker-keeper.ts';
import { brokerPort } from './broker-control.ts';
import type { Dispatch } from '../tasks/dispatch.ts';
import type { EventLog } from '../project/event-log.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Project } from '../project/project.ts';
import { SupervisorQueue, type QueueHandlers } from './queue.ts';

export interface OpenBrokerDeps {
  project: Project;
  log: Logger;
  events: EventLog;
  fleet: Fleet;
  /** The URL for wrappers has changed; null: there is no broker now. */
  onUrl(url: string | null): void;
}

export interface BrokerSide {
  queue: SupervisorQueue;
  keeper: BrokerKeeper;
  /** The URL for wrappers; null: there is no broker now. */
  readonly url: string | null;
  /** Answers messages from the broker from now on, and tells `dispatch` when it is back. */
  serve(to: { engine: TaskEngine; dispatch: Dispatch; heartbeat: QueueHandlers['heartbeat'] }): void;
  /** Declares new queues; each connect declares everything anyway, so no caller waits for it. */
  redeclare(): void;
}

/** The supervisor's connection to the broker, with its node and its queues. */
export function openBroker({ project: { layout, config }, log, events, fleet, onUrl }: OpenBrokerDeps): BrokerSide {
  let url: string | null = null;
  let dispatch: Dispatch | null = null;
  const queue = new SupervisorQueue({
    project: layout.hash,
    log,
    copies: config.broker.url === undefined ? brokerPaths(layout.brokerDir) : null,
    agents: () => fleet.records.map((record) => record.id),
    capabilities: () => Object.values(config.agents).flatMap((role) => role.capabilities),
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
    onUrl: (found) => {
      url = found;
      queue.setUrl(found);
      onUrl(found);
    },
    onChange: (state) => events.emit(`broker.${state.state}`, { data: { ...state } }),
  });
  const back = async (): Promise<void> => {
    try {
      await queue.takeBack();
      if (await queue.bus.brokerIsNew()) dispatch?.brokerLost();
      dispatch?.pump();
    } catch (error) {
      log.warn({ err: error }, 'the broker went away again');
    }
  };
  return {
    queue,
    keeper,
    get url() {
      return url;
    },
    serve({ engine, dispatch: to, heartbeat }) {
      dispatch = to;
      queue.serve({
        claim: (claim) => to.claim(claim),
        result: async (result) => void (await engine.result(result)),
        heartbeat,
        submit: async (task, messageId) => {
          const retries = task.retries ?? config.tasks.retries;
          await engine.submit([{ ...task, retries, key: task.key ?? `message:${messageId}` }]);
        },
      });
    },
    redeclare() {
      const failed = (error: unknown): void => log.warn({ err: error }, 'new queues could not be declared yet');
      queue.redeclare().catch(failed);
    },
  };
}
