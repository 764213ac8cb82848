import type { AmqpChannel } from '../amqp/index.ts';
import { SwarmError } from '../domain/errors.ts';
import { ANY_CAPABILITY, HEARTBEAT_KEY } from './names.ts';
import type { AmqpNames } from './names.ts';

/** The agents and capabilities of a project that need queues, beside those that every project has. */
export interface TopologyScope {
  agents: readonly string[];
  /** With the personal ones (`@agent`). */
  capabilities: readonly string[];
}

/** `dead` would name the queue of dead letters, `any` is the key of tickets for every agent. */
const RESERVED = new Set([ANY_CAPABILITY, 'dead']);

/** More waiting submissions than this are refused with a negative confirm. */
const SUBMIT_MAX = 10_000;
/** Tickets are hints, heartbeats are news: old ones make room. */
const TICKETS_MAX = 10_000;
const HEARTBEATS_MAX = 1_000;
const HEARTBEAT_TTL_MS = 60_000;

function checkCapability(capability: string): void {
  if (!RESERVED.has(capability)) return;
  throw new SwarmError('reserved-capability', `"${capability}" cannot be the name of a capability`, {
    exitCode: 2,
    hint: 'Use another name.',
  });
}

async function declareTickets(channel: AmqpChannel, names: AmqpNames, queue: string, key: string): Promise<void> {
  await channel.assertQueue(queue, { durable: true, maxLength: TICKETS_MAX });
  await channel.bindQueue(queue, names.ticketsExchange, key);
}

/**
 * Declares a project's exchanges and queues; idempotent, and the same for supervisor and wrappers: the first one that
 * connects after a restart of the broker makes them. Arguments of a queue can never change, so they are few.
 */
export async function declareTopology(channel: AmqpChannel, names: AmqpNames, scope: TopologyScope): Promise<void> {
  for (const capability of scope.capabilities) checkCapability(capability);
  await channel.assertExchange(names.deadExchange, 'fanout', { durable: true });
  await channel.assertQueue(names.dead, { durable: true });
  await channel.bindQueue(names.dead, names.deadExchange, '');
  await channel.assertQueue(names.deadNews, { durable: true, maxLength: 1 });
  await channel.bindQueue(names.deadNews, names.deadExchange, '');

  await channel.assertExchange(names.ticketsExchange, 'direct', { durable: true });
  await channel.assertExchange(names.brainstorm, 'fanout', { durable: true });
  await channel.assertExchange(names.status, 'topic', { durable: true });
  await channel.assertExchange(names.alerts, 'fanout', { durable: true });

  const deadLetterExchange = names.deadExchange;
  await channel.assertQueue(names.submit, {
    durable: true,
    deadLetterExchange,
    maxLength: SUBMIT_MAX,
    arguments: { 'x-overflow': 'reject-publish' },
  });
  // No dead letters here: a claim without an answer in time simply expires.
  await channel.assertQueue(names.claims, { durable: true });
  await channel.assertQueue(names.results, { durable: true, deadLetterExchange });
  await channel.assertQueue(names.heartbeats, {
    durable: true,
    messageTtl: HEARTBEAT_TTL_MS,
    maxLength: HEARTBEATS_MAX,
  });
  await channel.bindQueue(names.heartbeats, names.status, HEARTBEAT_KEY);
  await channel.assertQueue(names.identity, { durable: true });

  await declareTickets(channel, names, names.tickets, ANY_CAPABILITY);
  for (const capability of scope.capabilities)
    await declareTickets(channel, names, names.ticketsFor(capability), capability);
  for (const agent of scope.agents)
    await channel.assertQueue(names.inbox(agent), { durable: true, deadLetterExchange });
}

/** Deletes the queues of removed agents; a missing queue is no error. */
export async function deleteAgentQueues(channel: AmqpChannel, names: AmqpNames, scope: TopologyScope): Promise<void> {
  for (const capability of scope.capabilities) {
    checkCapability(capability);
    await channel.deleteQueue(names.ticketsFor(capability));
  }
  for (const agent of scope.agents) await channel.deleteQueue(names.inbox(agent));
}

/** Deletes everything of a project, messages and dead letters included; idempotent. */
export async function deleteTopology(channel: AmqpChannel, names: AmqpNames, scope: TopologyScope): Promise<void> {
  await deleteAgentQueues(channel, names, scope);
  for (const queue of [
    names.tickets,
    names.submit,
    names.claims,
    names.results,
    names.heartbeats,
    names.identity,
    names.dead,
    names.deadNews,
  ]) {
    await channel.deleteQueue(queue);
  }
  for (const exchange of [names.ticketsExchange, names.brainstorm, names.status, names.alerts, names.deadExchange]) {
    await channel.deleteExchange(exchange);
  }
}
