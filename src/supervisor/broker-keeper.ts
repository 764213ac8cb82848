import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from 'pino';
import * as z from 'zod';
import { errorText, SwarmError } from '../domain/errors.ts';
import type { StatusDocument } from '../api/documents.ts';

type BrokerState = StatusDocument['broker'];

/** The broker room, as far as it is needed here. */
export interface BrokerPort {
  ensure(signal: AbortSignal): Promise<{ url: string; publicUrl: string; pid: number }>;
  join(): Promise<void>;
  /** True when nobody else uses the node. */
  leave(): Promise<{ last: boolean }>;
  stop(): Promise<void>;
}

export interface BrokerKeeperOptions {
  /** Somebody else's node (`broker.url`), or null for the private one. */
  url: string | null;
  broker: BrokerPort;
  /** Where the installer tells how far it is. */
  brokerDir: string;
  log: Logger;
  onUrl(url: string | null): void;
  onChange(state: BrokerState): void;
}

const RETRY_MS = 1_000;
const RETRY_MAX_MS = 15_000;

/** Starts the node when it is first needed, and again whenever it is gone. */
export class BrokerKeeper {
  readonly #options: BrokerKeeperOptions;
  readonly #abort = new AbortController();
  #state: BrokerState;
  #ensuring: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #failures = 0;
  #joined = false;

  constructor(options: BrokerKeeperOptions) {
    this.#options = options;
    const isPrivate = options.url === null;
    this.#state = { state: 'starting', url: null, pid: null, private: isPrivate, reason: null };
  }

  get state(): BrokerState {
    return this.#state;
  }

  begin(): void {
    if (this.#options.url !== null) {
      this.#set({ url: withoutCredentials(this.#options.url) });
      this.#options.onUrl(this.#options.url);
      return;
    }
    this.#ensure();
  }

  /** The connection is up. */
  connected(): void {
    this.#failures = 0;
    this.#set({ state: 'up', reason: null });
  }

  /** The connection broke, or could not be made: a private node may be dead. */
  disconnected(detail: string): void {
    if (this.#abort.signal.aborted) return;
    if (this.#state.state === 'up') this.#set({ state: 'down', reason: detail });
    if (this.#options.url === null) this.#ensure();
    else this.#set({ state: 'down', reason: detail });
  }

  #ensure(): void {
    if (this.#ensuring !== null || this.#timer !== null || this.#abort.signal.aborted) return;
    this.#ensuring = this.#ensureOnce()
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#ensuring = null;
      });
  }

  async #ensureOnce(): Promise<void> {
    if (!this.#joined) {
      await this.#options.broker.join();
      this.#joined = true;
    }
    if (this.#state.state !== 'up') this.#set({ state: 'starting' });
    const { url, publicUrl, pid } = await this.#options.broker.ensure(this.#abort.signal);
    this.#set({ url: publicUrl, pid });
    this.#options.onUrl(url);
  }

  async #failed(error: unknown): Promise<void> {
    if (this.#abort.signal.aborted) return;
    this.#failures += 1;
    const missing = error instanceof SwarmError && error.code === 'no-rabbitmq';
    const installing = missing ? await readInstall(this.#options.brokerDir) : null;
    if (installing?.state === 'installing') {
      this.#set({ state: 'installing', reason: 'RabbitMQ is being installed; the queue is there in about a minute' });
    } else if (missing) {
      const failure = installing?.state === 'failed' ? ` (its installation failed, see ${installing.log})` : '';
      const hint = error instanceof SwarmError ? (error.hint ?? '') : '';
      this.#set({ state: 'absent', reason: `${errorText(error)}${failure}. ${hint}`.trim() });
    } else {
      this.#set({ state: 'down', reason: errorText(error) });
      this.#options.log.error({ err: error }, 'the broker could not be started');
    }
    const delay = missing ? RETRY_MS : Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** Math.min(this.#failures, 5));
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#ensure();
    }, delay);
  }

  #set(change: Partial<BrokerState>): void {
    const next = { ...this.#state, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.#state)) return;
    this.#state = next;
    this.#options.onChange(next);
  }

  /** Leaves the node; the last one stops it. */
  async close(stopIfLast: boolean): Promise<void> {
    this.#abort.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#ensuring;
    if (!this.#joined || !stopIfLast) return;
    const { last } = await this.#options.broker.leave();
    if (last) await this.#options.broker.stop();
  }
}

const installSchema = z.object({ state: z.string(), log: z.string() });

async function readInstall(brokerDir: string): Promise<{ state: string; log: string } | null> {
  try {
    return installSchema.parse(JSON.parse(await readFile(path.join(brokerDir, 'install.json'), 'utf8')));
  } catch {
    // No such file, or one half written: nobody is installing anything that we could name.
    return null;
  }
}

function withoutCredentials(url: string): string {
  const parsed = new URL(url);
  parsed.username = '';
  parsed.password = '';
  return parsed.toString();
}
