import type { Logger } from 'pino';
import { AmqpConnection, type AmqpState } from '../../amqp/index.ts';
import { Bus } from '../../coordination/bus.ts';
import type { AgentSpec } from '../../coordination/link.ts';
import { amqpNames } from '../../coordination/names.ts';
import { SHELL_CAPABILITY, personalCapability } from '../../coordination/tickets.ts';
import { declareTopology } from '../../coordination/topology.ts';
import type { Broker } from '../contract/effects.ts';

/**
 * How long a claim may wait for its answer, ms: a living supervisor answers in milliseconds, one that just starts may
 * take this long.
 */
const CLAIM_TIMEOUT_MS = 5_000;

export interface BrokerDeps {
  spec: AgentSpec;
  incarnation: string;
  state(state: AmqpState): void;
  log: Logger;
}

export function openBroker({ spec, incarnation, state, log }: BrokerDeps): Broker {
  const { agent, kind, capabilities } = spec;
  const names = amqpNames(spec.project);
  const personal = personalCapability(agent);
  const scope = { agents: [agent], capabilities: kind === 'shell' ? [personal, SHELL_CAPABILITY] : [personal] };
  const connection = AmqpConnection.open({
    url: null,
    name: `swarm ${spec.project} ${agent}`,
    setup: (channel) => declareTopology(channel, names, scope),
    deadExchange: names.deadExchange,
    onState: state,
    log: (level, message, fields) => log[level]({ ...fields }, message),
  });
  const bus = new Bus({ connection, names, from: agent });
  const queues = [names.ticketsFor(personal), kind === 'shell' ? names.ticketsFor(SHELL_CAPABILITY) : names.tickets];
  return {
    setUrl: (amqpUrl) => connection.setUrl(amqpUrl),
    tickets(prefetch, handle) {
      const consumptions = queues.map((queue) => bus.consume(queue, 'task.ticket', () => handle(), { prefetch }));
      return {
        async cancel() {
          await Promise.all(consumptions.map((consumption) => consumption.cancel()));
        },
      };
    },
    claim: (slot) => bus.claim({ agent, kind, capabilities, slot, incarnation }, CLAIM_TIMEOUT_MS),
    result: (result) => bus.publish('task.result', result, { queue: names.results }),
    heartbeat: (heartbeat) => bus.heartbeat(heartbeat),
    close: () => connection[Symbol.asyncDispose](),
  };
}
