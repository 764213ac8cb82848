import net from 'node:net';
import type { Logger } from 'pino';
import type { EventMap, WrapperEventName } from '../../domain/events.ts';
import type { ModelPermit } from '../../coordination/model-permit.ts';
import {
  LINK_PROTOCOL,
  toWrapperSchema,
  type Order,
  type ToSupervisor,
  type ToWrapper,
  type WrapperSnapshot,
} from '../../coordination/link.ts';
import { SwarmError, errorText } from '../../domain/errors.ts';
import { backoffDelay, FULL_JITTER, jittered, type BackoffRules, type Jitter } from '../../lib/backoff.ts';
import { JsonLines, encodeJsonLine, type JsonLine } from '../../lib/json-lines.ts';
import type { Clock } from '../../lib/clock.ts';

const MAX_LINE_BYTES = 1024 * 1024;
/** At most 20 snapshots a second. */
const SNAPSHOT_GAP_MS = 50;
const REDIAL_MAX_MS = 1_000;
/**
 * A supervisor that is being replaced is back within seconds: so long the wrapper dials often, which costs next to
 * nothing.
 */
const QUICK_REDIAL_MS = 200;
const QUICK_FOR_MS = 5_000;
/** A supervisor that restarts is away for less than this; no wrapper starts another before. */
const AWAY_MS = 300;
/** All wrappers of a project try to start the supervisor: spread, so that one does it soon and seldom two at once. */
const START_BACKOFF: BackoffRules = { baseMs: 1_000, capMs: 10_000, jitter: [0.75, 1.25] };
const START_SPREAD_MS = 500;
const REDIAL_JITTER: Jitter = [0.25, 1];
/** Events that happened without a supervisor, kept for the next one. */
const EVENTS_KEPT = 500;

export interface LinkDeps {
  socketPath: string;
  token: string;
  snapshot(): WrapperSnapshot;
  /** Carries out an order. Its return value is the ack's `result`; a throw becomes the ack's error. */
  order(order: Order): Promise<unknown>;
  /** The supervisor has greeted. `said` is the snapshot that the hello carried, to judge `attempts` by. */
  welcome(welcome: Extract<ToWrapper, { type: 'welcome' }>, said: WrapperSnapshot): void;
  broker(amqpUrl: string | null): void;
  gate(order: ModelPermit): void;
  startSupervisor(): void;
  clock: Clock;
  /** Uniform in [0, 1). */
  random?: () => number;
  log: Logger;
}

/** The wrapper's end of the link: dials again for ever, and starts the supervisor when it is gone. */
export class SupervisorLink {
  readonly #deps: LinkDeps;
  #socket: net.Socket | null = null;
  #welcomed = false;
  #said: WrapperSnapshot | null = null;
  #epoch = 0;
  #bye = false;
  #closed = false;
  #dirty = false;
  #lastSnapshotAt = Number.NEGATIVE_INFINITY;
  #cancelSnapshot: (() => void) | null = null;
  #cancelDial: (() => void) | null = null;
  #awaySince: number | null = null;
  #starts = 0;
  #nextStartAt = 0;
  readonly #events: ToSupervisor[] = [];

  constructor(deps: LinkDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#dial();
  }

  /** Whether a supervisor listens. */
  get connected(): boolean {
    return this.#welcomed;
  }

  /** Called when something in the snapshot has changed. */
  changed(): void {
    this.#dirty = true;
    if (!this.#welcomed || this.#cancelSnapshot !== null) return;
    const { clock } = this.#deps;
    const wait = this.#lastSnapshotAt + SNAPSHOT_GAP_MS - clock.monotonic();
    this.#cancelSnapshot = clock.after(Math.max(0, wait), () => {
      this.#cancelSnapshot = null;
      this.#sendSnapshot();
    });
  }

  event<N extends WrapperEventName>(name: N, task: string | null, data: EventMap[N]): void {
    const event: ToSupervisor = {
      type: 'event',
      name,
      at: new Date(this.#deps.clock.now()).toISOString(),
      task,
      data: { ...data },
    };
    if (this.#welcomed) {
      // The snapshot goes first: readers of the log expect in it what an event tells of.
      if (this.#dirty) this.#sendSnapshot();
      this.#send(event);
      return;
    }
    this.#events.push(event);
    if (this.#events.length > EVENTS_KEPT) this.#events.shift();
  }

  /** Sends the last snapshot and hangs up. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelDial?.();
    this.#cancelSnapshot?.();
    const socket = this.#socket;
    if (socket === null || socket.destroyed) return;
    if (this.#welcomed && this.#dirty) this.#sendSnapshot();
    await new Promise<void>((resolve) => {
      const cancel = this.#deps.clock.after(200, () => socket.destroy());
      socket.once('close', () => {
        cancel();
        resolve();
      });
      socket.end();
    });
  }

  #dial(): void {
    const { log, socketPath, token } = this.#deps;
    const socket = net.connect(socketPath);
    this.#socket = socket;
    const lines = new JsonLines(MAX_LINE_BYTES);
    socket.on('connect', () => {
      this.#said = this.#deps.snapshot();
      this.#send({ type: 'hello', protocol: LINK_PROTOCOL, token, snapshot: this.#said });
    });
    socket.on('data', (chunk) => {
      try {
        for (const line of lines.push(chunk)) this.#line(line);
      } catch (error) {
        log.warn({ error: errorText(error) }, 'hanging up on the supervisor');
        socket.destroy();
      }
    });
    // 'close' follows and does the work; without this listener the process would die.
    socket.on('error', (error) => log.debug({ error: error.message }, 'link'));
    socket.on('close', () => {
      if (this.#socket === socket) this.#lost();
    });
  }

  #lost(): void {
    const { clock, log, random } = this.#deps;
    if (this.#welcomed) log.info('the supervisor is away');
    this.#socket = null;
    this.#welcomed = false;
    this.#cancelSnapshot?.();
    this.#cancelSnapshot = null;
    if (this.#closed) return;
    const now = clock.monotonic();
    this.#awaySince ??= now;
    if (this.#nextStartAt === 0) this.#nextStartAt = now + AWAY_MS + jittered(START_SPREAD_MS, FULL_JITTER, random);
    if (now >= this.#nextStartAt) this.#startSupervisor(now);
    const most = now - this.#awaySince < QUICK_FOR_MS ? QUICK_REDIAL_MS : REDIAL_MAX_MS;
    this.#cancelDial = clock.after(jittered(most, REDIAL_JITTER, random), () => this.#dial());
  }

  #startSupervisor(now: number): void {
    const { log, startSupervisor, random } = this.#deps;
    this.#starts += 1;
    this.#nextStartAt = now + backoffDelay(START_BACKOFF, this.#starts, random);
    if (this.#bye) return;
    log.warn({ start: this.#starts }, 'the supervisor is gone: starting it again');
    try {
      startSupervisor();
    } catch (error) {
      log.error({ error: errorText(error) }, 'the supervisor could not be started');
    }
  }

  #line(line: JsonLine): void {
    const parsed = line.ok ? toWrapperSchema.safeParse(line.value) : null;
    if (parsed?.success !== true) {
      const reason = line.ok ? parsed?.error?.message : line.reason;
      this.#deps.log.warn({ reason }, 'a line from the supervisor does not fit');
      return;
    }
    const message = parsed.data;
    if (message.epoch < this.#epoch) {
      this.#refuse(message);
      return;
    }
    this.#epoch = message.epoch;
    this.#receive(message);
  }

  /** Refuses an order of an earlier epoch: a supervisor that was replaced must not steer any more. */
  #refuse(message: ToWrapper): void {
    this.#deps.log.warn(
      { type: message.type, epoch: message.epoch, highest: this.#epoch },
      'refused an order of an earlier supervisor',
    );
    if (message.type === 'order') {
      this.#send({
        type: 'ack',
        id: message.id,
        ok: false,
        error: { code: 'stale-epoch', message: `epoch ${message.epoch} is over, ${this.#epoch} rules now` },
      });
    } else if (message.type === 'welcome') {
      this.#socket?.destroy();
    }
  }

  #receive(message: ToWrapper): void {
    const options = this.#deps;
    switch (message.type) {
      case 'welcome':
        this.#welcomed = true;
        this.#bye = false;
        this.#awaySince = null;
        this.#starts = 0;
        this.#nextStartAt = 0;
        if (message.gate !== undefined) options.gate(message.gate);
        options.welcome(message, this.#said ?? options.snapshot());
        for (const event of this.#events.splice(0)) this.#send(event);
        this.changed();
        return;
      case 'broker':
        options.broker(message.amqpUrl);
        return;
      case 'gate':
        options.gate(message.gate);
        return;
      case 'bye':
        this.#bye = true;
        return;
      case 'order':
        void this.#obey(message.id, message.order);
    }
  }

  async #obey(id: string, order: Order): Promise<void> {
    try {
      const result = await this.#deps.order(order);
      if (this.#dirty) this.#sendSnapshot();
      this.#send({ type: 'ack', id, ok: true, result: result ?? null });
    } catch (error) {
      const code = error instanceof SwarmError ? error.code : 'internal';
      const hint = error instanceof SwarmError ? error.hint : undefined;
      this.#deps.log.warn({ order: order.do, error: errorText(error) }, 'an order was not carried out');
      this.#send({
        type: 'ack',
        id,
        ok: false,
        error: { code, message: errorText(error), ...(hint === undefined ? {} : { hint }) },
      });
    }
  }

  #sendSnapshot(): void {
    if (!this.#welcomed) return;
    this.#cancelSnapshot?.();
    this.#cancelSnapshot = null;
    this.#dirty = false;
    this.#lastSnapshotAt = this.#deps.clock.monotonic();
    this.#send({ type: 'snapshot', snapshot: this.#deps.snapshot() });
  }

  #send(message: ToSupervisor): void {
    const socket = this.#socket;
    if (socket !== null && !socket.destroyed && socket.writable) socket.write(encodeJsonLine(message));
  }
}
