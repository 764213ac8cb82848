import type { Logger } from 'pino';
import type { StatusDocument } from '../../api/status/schemas.ts';
import type { Store } from '../../store/store.ts';
import { credentialsMark } from './accounts.ts';
import { loadEnvironment } from '../project/environment-snapshot.ts';
import type { EventLog } from '../project/event-log.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { Holds } from './holds.ts';
import type { LinkServer } from '../links/link-server.ts';
import type { Project } from '../project/project.ts';

export interface OpenHoldsDeps {
  project: Project;
  store: Store;
  log: Logger;
  env: Record<string, string>;
  events: EventLog;
  fleet: Fleet;
  links: Pick<LinkServer, 'gate'>;
  keeper: { readonly state: StatusDocument['broker'] };
}

/** The holds of one project's fleet, with the real world around them. */
export function openHolds({ project: { config, layout }, env, fleet, links, keeper, ...deps }: OpenHoldsDeps): Holds {
  return new Holds({
    ...deps,
    broker: () => keeper.state,
    tmux: () => fleet.probeError,
    config: () => config,
    records: () => fleet.records,
    desired: (record) => fleet.desired(record),
    goingDown: () => fleet.goingDown,
    send: (agent, gate) => links.gate(agent, gate),
    credentials: () => credentialsMark(loadEnvironment(layout.envSnapshot, env), layout.envSnapshot),
    now: () => Date.now(),
    random: () => Math.random(),
  });
}
