import type { Logger } from 'pino';
import { errorText, SwarmError } from '../../domain/errors.ts';
import type { StatusDocument } from '../../api/status/schemas.ts';
import { backoffDelay, NO_JITTER, type BackoffRules } from '../../lib/backoff.ts';
import { systemClock } from '../../lib/clock.ts';

type BrokerState = StatusDocument['broker'];

/** The part of the broker room that is needed here. */
export interface BrokerPort {
  ensure(signal: AbortSignal): Promise<{ url: string; publicUrl: string; pid: number; note?: string | null }>;
  join(): Promise<void>;
  /** True when no other project uses the node. */
  leave(): Promise<{ last: boolean }>;
  stop(): Promise<void>;
  /** The state of the installation; null: there is none under way. */
  installing(): Promise<{ state: string; log: string } | null>;
}

export interface BrokerKeeperDeps {
  /** URL of a node that is not swarm's (`broker.url`), or null for the private one. */
  url: string | null;
  broker: BrokerPort;
  log: Logger;
  onUrl(url: string | null): void;
  onChange(state: BrokerState): void;
}

const RETRY_BACKOFF: BackoffRules = { baseMs: 1_000, capMs: 15_000, jitter: NO_JITTER };
/** A connection that lived shorter than this proves nothing about its node, ms. */
const STABLE_MS = 5_000;
/** A missing program is known sooner than this; only a real start is shown as one, ms. */
const STARTS_MS = 300;

/** Starts the node when it is first needed, and again whenever it is gone. */
export class BrokerKeeper {
  readonly #deps: BrokerKeeperDeps;
  readonly #abort = new AbortController();
  #state: BrokerState;
  #ensuring: Promise<void> | null = null;
  /** Cancels the next try; null: none is planned. */
  #cancel: (() => void) | null = null;
  /** Tries since a connection was last stable. */
  #tries = 0;
  #connectedAt: number | null = null;
  #joined = false;
  /** Why the last start failed; null: it did not. */
  #failure: string | null = null;
  /** What people should know of the last start, told with the connection. */
  #note: string | null = null;

  constructor(deps: BrokerKeeperDeps) {
    this.#deps = deps;
    const isPrivate = deps.url === null;
    this.#state = { state: 'starting', url: null, pid: null, private: isPrivate, reason: null };
  }

  get state(): BrokerState {
    return this.#state;
  }

  begin(): void {
    if (this.#deps.url !== null) {
      this.#set({ url: withoutCredentials(this.#deps.url) });
      this.#deps.onUrl(this.#deps.url);
      return;
    }
    this.#ensure();
  }

  /** The connection is up. */
  connected(): void {
    this.#connectedAt ??= performance.now();
    this.#failure = null;
    this.#set({ state: 'up', reason: this.#note });
  }

  /** The connection broke, or could not be made: a private node may be dead. */
  disconnected(detail: string): void {
    if (this.#abort.signal.aborted) return;
    if (this.#connectedAt !== null && performance.now() - this.#connectedAt >= STABLE_MS) this.#tries = 0;
    if (this.#connectedAt !== null) this.#note = null;
    this.#connectedAt = null;
    if (this.#deps.url !== null) {
      this.#set({ state: 'down', reason: detail });
      return;
    }
    if (this.#state.state === 'up') this.#set({ state: 'down', reason: detail });
    if (this.#ensuring !== null || this.#cancel !== null) return;
    if (this.#tries > 0) this.#set({ state: 'down', reason: detail });
    // A node may live and still refuse: each try makes the connection dial at once, so tries must not follow each other
    // directly.
    this.#tries += 1;
    if (this.#tries === 1) this.#ensure();
    else this.#ensureAfter(backoffDelay(RETRY_BACKOFF, this.#tries - 1));
  }

  #ensureAfter(ms: number): void {
    if (this.#abort.signal.aborted) return;
    this.#cancel = systemClock.after(ms, () => {
      this.#cancel = null;
      this.#ensure();
    });
  }

  #ensure(): void {
    if (this.#ensuring !== null || this.#cancel !== null || this.#abort.signal.aborted) return;
    const cancel = systemClock.after(STARTS_MS, () => {
      // A try after one that failed is not told as a start: the reason is still the news.
      if (this.#connectedAt === null && this.#failure === null) this.#set({ state: 'starting', reason: null });
    });
    this.#ensuring = this.#ensureOnce()
      .finally(cancel)
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#ensuring = null;
      });
  }

  async #ensureOnce(): Promise<void> {
    if (!this.#joined) {
      await this.#deps.broker.join();
      this.#joined = true;
    }
    const { url, publicUrl, pid, note } = await this.#deps.broker.ensure(this.#abort.signal);
    if (this.#abort.signal.aborted) return;
    this.#note = note ?? this.#note;
    this.#set({ url: publicUrl, pid });
    this.#deps.onUrl(url);
  }

  async #failed(error: unknown): Promise<void> {
    // A connected node needs no start.
    if (this.#abort.signal.aborted || this.#connectedAt !== null) return;
    this.#tries += 1;
    this.#failure = null;
    const missing = error instanceof SwarmError && error.code === 'no-rabbitmq';
    const installing = missing ? await this.#deps.broker.installing() : null;
    if (installing?.state === 'installing') {
      this.#set({ state: 'installing', reason: 'RabbitMQ is being installed; the queue is there in about a minute' });
    } else if (missing) {
      const failure = installing?.state === 'failed' ? ` (its installation failed, see ${installing.log})` : '';
      const hint = error instanceof SwarmError ? (error.hint ?? '') : '';
      this.#set({ state: 'absent', reason: `${errorText(error)}${failure}. ${hint}`.trim() });
    } else {
      this.#failure = errorText(error);
      this.#set({ state: 'down', reason: this.#failure });
      this.#deps.log.error({ err: error }, 'the broker could not be started');
    }
    this.#ensureAfter(backoffDelay(RETRY_BACKOFF, missing ? 1 : this.#tries + 1));
  }

  #set(change: Partial<BrokerState>): void {
    const next = { ...this.#state, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.#state)) return;
    this.#state = next;
    this.#deps.onChange(next);
  }

  /** Leaves the node; the last project stops it. */
  async close(stopIfLast: boolean): Promise<void> {
    this.#abort.abort();
    this.#cancel?.();
    await this.#ensuring;
    if (!this.#joined || !stopIfLast) return;
    const { last } = await this.#deps.broker.leave();
    if (last) await this.#deps.broker.stop();
  }
}

function withoutCredentials(url: string): string {
  const parsed = new URL(url);
  parsed.username = '';
  parsed.password = '';
  return parsed.toString();
}
