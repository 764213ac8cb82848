import { randomUUID } from 'node:crypto';
import net from 'node:net';
import { SwarmError } from '../../domain/errors.ts';
import type { ModelPermit } from '../../coordination/model-permit.ts';
import {
  LINK_PROTOCOL,
  toSupervisorSchema,
  type Order,
  type ToSupervisor,
  type ToWrapper,
  type WrapperSnapshot,
} from '../../coordination/link.ts';
import { systemClock } from '../../lib/clock.ts';
import { JsonLines, encodeJsonLine, type JsonLine } from '../../lib/json-lines.ts';
import { listenAt } from '../../lib/unix-socket.ts';

/** Protocol versions this supervisor speaks: the present one and the one before. */
const SPOKEN = [LINK_PROTOCOL, LINK_PROTOCOL - 1];
const MAX_LINE_BYTES = 4 * 1024 * 1024;
/** How long the end waits for a hanging wrapper to take its last message, ms. */
const LAST_WORD_MS = 500;
const CANCEL_TIMEOUT_MS = 10_000;

export interface LinkHandlers {
  /** The token that this agent was given; null for an unknown agent. */
  tokenOf(agent: string): string | null;
  welcome(agent: string, snapshot: WrapperSnapshot): Omit<Extract<ToWrapper, { type: 'welcome' }>, 'type'>;
  connected(agent: string, snapshot: WrapperSnapshot): void;
  snapshot(agent: string, snapshot: WrapperSnapshot): void;
  event(agent: string, event: Extract<ToSupervisor, { type: 'event' }>): void;
  disconnected(agent: string): void;
  problem(detail: string, error?: unknown): void;
}

interface PendingOrder {
  resolve(result: unknown): void;
  reject(error: SwarmError): void;
  /** Ends the wait for its ack. */
  cancel(): void;
}

interface Link {
  agent: string;
  socket: net.Socket;
  pending: Map<string, PendingOrder>;
}

/** Serves the socket that wrappers dial: one living link per agent; a newer one replaces an older. */
export class LinkServer {
  #handlers: LinkHandlers | null = null;
  readonly #epoch: number;
  readonly #links = new Map<string, Link>();
  readonly #sockets = new Set<net.Socket>();
  readonly #server: net.Server;

  constructor(epoch: number) {
    this.#epoch = epoch;
    this.#server = net.createServer();
  }

  /** Accepts links from now on. Called once. */
  serve(handlers: LinkHandlers): void {
    this.#handlers = handlers;
    this.#server.on('connection', (socket) => this.#accept(socket, handlers));
  }

  /** Listens on the socket. Called again after the socket was removed: links survive that. */
  async listen(socketPath: string): Promise<void> {
    await listenAt(this.#server, socketPath);
  }

  isConnected(agent: string): boolean {
    return this.#links.has(agent);
  }

  broadcast(message: Extract<ToWrapper, { type: 'broker' | 'bye' }>): void {
    for (const link of this.#links.values()) send(link.socket, message);
  }

  /** Sends a permit. A wrapper that is away misses nothing: its welcome contains it. */
  gate(agent: string, gate: ModelPermit): void {
    const link = this.#links.get(agent);
    if (link !== undefined) send(link.socket, { type: 'gate', epoch: this.#epoch, gate });
  }

  /**
   * Sends one order and waits for its ack.
   * @param timeoutMs how long to wait for the ack
   * @throws SwarmError `agent-away` (nothing was sent, retry safe), `no-ack` (unknown whether it was done), or the
   * wrapper's own
   */
  async order(agent: string, order: Order, timeoutMs: number): Promise<unknown> {
    const link = this.#links.get(agent);
    if (link === undefined) {
      throw new SwarmError('agent-away', `${agent} is not connected now`, {
        hint: `See \`swarm status\`, then try again.`,
        retrySafe: true,
      });
    }
    const id = randomUUID();
    return await new Promise((resolve, reject) => {
      const cancel = systemClock.after(timeoutMs, () => {
        link.pending.delete(id);
        reject(
          new SwarmError('no-ack', `${agent} did not confirm "${order.do}" within ${timeoutMs / 1000} s`, {
            hint: `Look at \`swarm logs ${agent}\`.`,
            exitCode: 3,
          }),
        );
      });
      link.pending.set(id, { resolve, reject, cancel });
      send(link.socket, { type: 'order', epoch: this.#epoch, id, order });
    });
  }

  #accept(socket: net.Socket, handlers: LinkHandlers): void {
    this.#sockets.add(socket);
    let link: Link | null = null;
    const lines = new JsonLines(MAX_LINE_BYTES);
    const take = (line: JsonLine): void => {
      // Further messages of a wrapper whose link was closed are not read.
      const message = socket.destroyed ? null : this.#parse(line, handlers);
      if (message === null) return;
      if (link !== null) this.#receive(link, message, handlers);
      else if (message.type === 'hello') link = this.#hello(socket, message, handlers);
      else socket.destroy();
    };
    socket.on('error', (error) => handlers.problem('a wrapper link broke', error));
    socket.on('data', (chunk) => {
      let complete: JsonLine[] = [];
      try {
        complete = lines.push(chunk);
      } catch (error) {
        handlers.problem('hanging up on a wrapper', error);
        socket.destroy();
      }
      for (const line of complete) take(line);
    });
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (link !== null) this.#closed(link, handlers);
    });
  }

  #parse(line: JsonLine, handlers: LinkHandlers): ToSupervisor | null {
    const parsed = line.ok ? toSupervisorSchema.safeParse(line.value) : null;
    if (parsed?.success === true) return parsed.data;
    handlers.problem('a line from a wrapper does not fit', line.ok ? parsed?.error : new Error(line.reason));
    return null;
  }

  #hello(socket: net.Socket, hello: Extract<ToSupervisor, { type: 'hello' }>, handlers: LinkHandlers): Link | null {
    const agent = hello.snapshot.agent;
    const token = handlers.tokenOf(agent);
    if (token === null || token !== hello.token || !SPOKEN.includes(hello.protocol)) {
      handlers.problem(`refused a link that calls itself ${agent} (protocol ${hello.protocol})`);
      socket.destroy();
      return null;
    }
    const older = this.#links.get(agent);
    const link: Link = { agent, socket, pending: new Map() };
    this.#links.set(agent, link);
    if (older !== undefined) older.socket.destroy();
    send(socket, { type: 'welcome', ...handlers.welcome(agent, hello.snapshot) });
    handlers.connected(agent, hello.snapshot);
    return link;
  }

  #receive(link: Link, message: ToSupervisor, handlers: LinkHandlers): void {
    switch (message.type) {
      case 'hello':
      case 'snapshot':
        if (message.snapshot.agent === link.agent) handlers.snapshot(link.agent, message.snapshot);
        else handlers.problem(`${link.agent} speaks for ${message.snapshot.agent}`);
        return;
      case 'event':
        handlers.event(link.agent, message);
        return;
      case 'ack': {
        const pending = link.pending.get(message.id);
        if (pending === undefined) return;
        link.pending.delete(message.id);
        pending.cancel();
        if (message.ok) pending.resolve(message.result ?? null);
        else {
          const { code, message: text, hint } = message.error ?? { code: 'refused', message: `${link.agent} refused` };
          pending.reject(new SwarmError(code, text, { hint }));
        }
      }
    }
  }

  #closed(link: Link, handlers: LinkHandlers): void {
    for (const pending of link.pending.values()) {
      pending.cancel();
      pending.reject(new SwarmError('no-ack', `${link.agent} went away before it confirmed`, { exitCode: 3 }));
    }
    link.pending.clear();
    if (this.#links.get(link.agent) !== link) return;
    this.#links.delete(link.agent);
    handlers.disconnected(link.agent);
  }

  /** Orders the end of an attempt. A missing ack is logged and no error: the lease ends attempts for sure. */
  readonly cancel = async (agent: string, task: string, attempt: number): Promise<void> => {
    try {
      await this.order(agent, { do: 'cancel', task, attempt }, CANCEL_TIMEOUT_MS);
    } catch (error) {
      this.#handlers?.problem(`the cancel of ${task} on ${agent} was not confirmed`, error);
    }
  };

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroySoon();
    const cancel = systemClock.after(LAST_WORD_MS, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    await closed;
    cancel();
  }
}

function send(socket: net.Socket, message: ToWrapper): void {
  if (!socket.destroyed) socket.write(encodeJsonLine(message));
}
