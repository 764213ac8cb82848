/** AMQP names, all prefixed by the project, so that many projects share one node. */
export interface AmqpNames {
  submit: string;
  /** Direct exchange of tickets; routing key = capability, or `any`. */
  ticketsExchange: string;
  tickets: string;
  ticketsFor(capability: string): string;
  claims: string;
  results: string;
  deadExchange: string;
  dead: string;
  inbox(agent: string): string;
  brainstorm: string;
  status: string;
  alerts: string;
  /** Supervisor's own queue bound to dead letters: that there are new ones. */
  deadNews: string;
  /** Supervisor's own queue bound to heartbeats. */
  heartbeats: string;
  /** Non-durable marker queue: it is missing after the broker was wiped. */
  identity: string;
}

/** Routing key of tickets that need no capability. */
export const ANY_CAPABILITY = 'any';
export const HEARTBEAT_KEY = 'agent.status.heartbeat';

export function amqpNames(project: string): AmqpNames {
  const p = `${project}.`;
  return {
    submit: `${p}agent.submit`,
    ticketsExchange: `${p}agent.tasks`,
    tickets: `${p}agent.tasks`,
    ticketsFor: (capability) => `${p}agent.tasks.${capability}`,
    claims: `${p}agent.claims`,
    results: `${p}agent.results`,
    deadExchange: `${p}agent.tasks.dlx`,
    dead: `${p}agent.tasks.dead`,
    deadNews: `${p}agent.tasks.dead.supervisor`,
    inbox: (agent) => `${p}agent.inbox.${agent}`,
    brainstorm: `${p}agent.brainstorm`,
    status: `${p}agent.status`,
    alerts: `${p}agent.alerts`,
    heartbeats: `${p}agent.status.supervisor`,
    identity: `${p}identity`,
  };
}
