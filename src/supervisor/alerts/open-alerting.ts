import type { StatusDocument } from '../../api/status/schemas.ts';
import { isAtLeast } from '../../health/index.ts';
import type { Store } from '../../store/store.ts';
import { Alerting, type AlertingDeps } from './alerting.ts';
import { commandSink, webhookSink, type AlertSink } from './alert-sinks.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Holds } from '../holds/holds.ts';
import type { Project } from '../project/project.ts';
import type { SupervisorQueue } from '../broker/queue.ts';
import { loadEnvironment } from '../project/environment-snapshot.ts';
import type { TmuxHost } from '../fleet/tmux-host.ts';

export interface OpenAlertingDeps extends Pick<AlertingDeps, 'log' | 'events'> {
  project: Project;
  store: Store;
  env: Record<string, string>;
  fleet: Fleet;
  tmux: TmuxHost;
  queue: SupervisorQueue;
  keeper: { readonly state: StatusDocument['broker'] };
  /** `refused`: why swarm.yaml is not in force. */
  settings: { readonly refused: Error | null };
  holds: Pick<Holds, 'conditions'>;
}

/** The alerts of one project: its conditions and its sinks. */
export function openAlerting(deps: OpenAlertingDeps): Alerting {
  const { log, events, fleet, tmux, store } = deps;
  let broker = { state: '', since: 0 };
  return new Alerting({
    log,
    events,
    now: () => Date.now(),
    observe: () => {
      const { state, reason } = deps.keeper.state;
      if (state !== broker.state) broker = { state, since: Date.now() };
      const agents = fleet.records.map(({ id, verdict: { status, since, reason: why }, crossings }) => ({
        id,
        status,
        since: new Date(since).toISOString(),
        reason: why,
        crossings,
      }));
      return {
        agents,
        broker: { ...broker, reason },
        refused: deps.settings.refused?.message ?? null,
        shared: deps.holds.conditions(),
        goingDown: fleet.goingDown,
      };
    },
    sinks: sinksOf(deps),
    onOpen: (count) => tmux.alerts(count),
    memory: {
      read: () => store.notes.get('alerts.open') ?? [],
      write: (open) => store.write(() => store.notes.set('alerts.open', open)),
    },
  });
}

function sinksOf({ project: { config, layout }, env, queue }: OpenAlertingDeps): Map<string, AlertSink> {
  const sinks = new Map<string, AlertSink>();
  sinks.set('agent.alerts', async ({ severity, key, text, agent, state }) => {
    // Without a broker its listeners hear nothing anyway.
    if (queue.connected) await queue.bus.alert({ severity, key, text, agent, state });
  });
  // Reads the settings at each alert.
  const loud = (sink: AlertSink): AlertSink => {
    return async (alert, signal) => {
      return isAtLeast(alert.severity, config.alerts.least) ? await sink(alert, signal) : 'unasked';
    };
  };
  const none = (): Promise<'unasked'> => Promise.resolve('unasked');
  const command = (): AlertSink => {
    const argv = config.alerts.command;
    return argv === undefined
      ? none
      : commandSink(argv, { cwd: layout.root, env: loadEnvironment(layout.envSnapshot, env) });
  };
  const webhook = (): AlertSink => (config.alerts.webhook === undefined ? none : webhookSink(config.alerts.webhook));
  sinks.set(
    'alerts.command',
    loud((alert, signal) => command()(alert, signal)),
  );
  sinks.set(
    'alerts.webhook',
    loud((alert, signal) => webhook()(alert, signal)),
  );
  return sinks;
}
