import type { Logger } from 'pino';
import type { Config } from '../../config/index.ts';
import type { TaskEngine } from '../../scheduler/engine.ts';
import { able, decorate, refusal } from './claims.ts';
import { Dispatch, TICKET_PATIENCE_MS } from './dispatch.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Base } from '../project/project.ts';

/** The queue for tickets. */
export interface TicketQueue {
  connected: boolean;
  bus: { publishTicket(route: string | null, options: { expirationMs: number }): Promise<void> };
}

export interface OpenDispatchDeps {
  log: Logger;
  config: Config;
  engine: TaskEngine;
  fleet: Fleet;
  roster: { readonly base: Base };
  queue: TicketQueue;
}

/** Gives tasks to agents, over the tasks of the store and the agents of the fleet. */
export function openDispatch({ log, config, engine, fleet, roster, queue }: OpenDispatchDeps): Dispatch {
  return new Dispatch({
    log,
    now: () => Date.now(),
    candidates: (limit) =>
      engine.readyLanes(limit).map(({ lane, count }) => ({
        kind: lane.kind,
        needs: lane.needs,
        only: lane.agent ?? lane.reservedFor,
        count,
      })),
    claim: (claim) =>
      engine.claim(claim, { leaseMs: config.tasks.lease, decorate: (task) => decorate(task, config, roster.base) }),
    refusal: (claim) => refusal(fleet, claim),
    able: (agent) => able(fleet, agent),
    publishTicket: (route) => queue.bus.publishTicket(route, { expirationMs: TICKET_PATIENCE_MS }),
    connected: () => queue.connected,
  });
}
