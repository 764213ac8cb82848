import type { Logger } from 'pino';
import type { MessageDocument, MessagesService } from '../../api/messages/schemas.ts';
import type { AgentDesired } from '../../domain/agent.ts';
import type { AgentNames } from '../fleet/agent-names.ts';
import type { AgentRecord } from '../project/agent-record.ts';
import type { Order } from '../../coordination/link.ts';
import { SwarmError } from '../../domain/errors.ts';
import type { MessageTable, StoredMessage } from '../../store/messages.ts';
import { isEvent } from '../../domain/events.ts';
import type { EventLog } from '../project/event-log.ts';

export interface MessageDeskDeps {
  log: Logger;
  events: EventLog;
  store: { messages: Pick<MessageTable, 'queue' | 'settle' | 'get' | 'queued'> };
  names: Pick<AgentNames, 'agent'>;
  fleet: { get(agent: string): Pick<AgentRecord, 'observed'> | undefined; desired(record: AgentRecord): AgentDesired };
  /** Text to be said before the next message; null: none. */
  works: { rollbacks: { handoff(record: AgentRecord): Promise<string | null> } };
  links: { order(agent: string, order: Order, timeoutMs: number): Promise<unknown> };
}

const ORDER_TIMEOUT_MS = 10_000;
const PERSON = 'person';
/** End of a turn that was broken off, as by a stop: where it had not begun, the next wrapper gets the message. */
const CALLED_OFF = 'broken-off';

/**
 * A person's messages until each has its receipt. The store keeps them: an agent that dies, is stopped or is restored
 * gets them from its next wrapper, which takes each only once.
 */
export class MessageDesk implements MessagesService {
  readonly #deps: MessageDeskDeps;
  readonly #delivering = new Map<string, Promise<void>>();

  constructor(deps: MessageDeskDeps) {
    this.#deps = deps;
  }

  /**
   * Stores a message. Resolves once it is on disk; from then on it is not lost.
   * @throws SwarmError `no-conversation`, `agent-stopped`
   */
  async send({ id: agent, text }: { id: string; text: string }): Promise<{ id: string; receipt: string }> {
    const { names, fleet, works } = this.#deps;
    const record = names.agent(agent);
    if (record.row.kind === 'shell') {
      throw new SwarmError('no-conversation', `${agent} runs shell commands and reads no messages`, {
        hint: 'Give it work: `swarm task add TITLE -- COMMAND`.',
      });
    }
    // A wrapper that stops takes no message with it, and there may be none.
    if (fleet.desired(record) === 'stopped') {
      throw new SwarmError('agent-stopped', `${agent} is stopped and reads no messages`, {
        hint: `Let it go on, then send it again: \`swarm resume ${agent}\`.`,
        retrySafe: true,
      });
    }
    const first = await works.rollbacks.handoff(record);
    return await this.#queue(agent, first === null ? text : `${first}\n\n${text}`);
  }

  async #queue(agent: string, text: string): Promise<{ id: string; receipt: string }> {
    const id = crypto.randomUUID();
    await this.#deps.store.messages.queue({ id, agent, sender: PERSON, text });
    this.#deps.events.emit('message.queued', { agent, data: { id } });
    this.deliver(agent);
    return { id, receipt: 'queued' };
  }

  /** @throws SwarmError `unknown-message` */
  async show({ id }: { id: string }): Promise<MessageDocument> {
    const found = this.#deps.store.messages.get(id);
    if (found === undefined) {
      throw new SwarmError('unknown-message', `there is no message ${id}`, {
        hint: 'The last 1,000 that have a receipt are kept; `swarm events` tells of them, too.',
      });
    }
    const { agent, receipt, reason, createdAt, updatedAt } = found;
    const [at, since] = [new Date(createdAt).toISOString(), new Date(updatedAt).toISOString()];
    return { id, agent, receipt, reason, at, since };
  }

  /** Sends the waiting messages, the oldest first; when the link breaks, the next connection goes on. */
  deliver(agent: string): void {
    if (this.#delivering.has(agent)) return;
    const done = this.#deliver(agent)
      .catch((error: unknown) => this.#deps.log.info({ err: error, agent }, 'messages wait for the next connection'))
      .finally(() => this.#delivering.delete(agent));
    this.#delivering.set(agent, done);
  }

  async #deliver(agent: string): Promise<void> {
    const { store, fleet, links } = this.#deps;
    const handed = new Set<string>();
    const next = (): StoredMessage | undefined => store.messages.queued(agent).find(({ id }) => !handed.has(id));
    for (let message = next(); message !== undefined && fleet.get(agent)?.observed.linked === true; message = next()) {
      handed.add(message.id);
      await links.order(agent, { do: 'send', id: message.id, text: message.text }, ORDER_TIMEOUT_MS);
    }
  }

  /** Takes in a wrapper's event about a message. */
  async told(event: { name: string; data: Record<string, unknown> }): Promise<void> {
    const { messages } = this.#deps.store;
    if (isEvent(event, 'message.delivered')) await messages.settle(event.data.id, 'delivered');
    else if (isEvent(event, 'message.failed') && event.data.how !== CALLED_OFF)
      await messages.settle(event.data.id, 'refused', event.data.error ?? event.data.how);
  }
}
