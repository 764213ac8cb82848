import { mkdir, readFile, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from 'pino';
import { taskResultSchema, type TaskResult } from '../../coordination/messages.ts';
import { errorText } from '../../domain/errors.ts';
import { writeFileAtomic } from '../../lib/atomic-file.ts';
import { backoffDelay, NO_JITTER, type BackoffRules } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';

const RETRY_BACKOFF: BackoffRules = { baseMs: 250, capMs: 10_000, jitter: NO_JITTER };
/**
 * How long a confirmed result is kept, and sent again after the broker was away. A RabbitMQ node that is killed right
 * after a queue was declared can come back without the queue, and without what it had confirmed into it. A result that
 * comes twice changes nothing.
 */
const KEEP_CONFIRMED_MS = 60_000;

export interface SpoolDeps {
  /** Directory of this agent alone. */
  dir: string;
  /** Publishes a result. Resolves once the broker has confirmed it. */
  publish(result: TaskResult): Promise<void>;
  changed(pending: { task: string; attempt: number }[]): void;
  clock: Clock;
  log: Logger;
}

interface Entry {
  result: TaskResult;
  file: string;
  onDisk: boolean;
  /** Written by an earlier incarnation, and not confirmed yet. */
  inherited: boolean;
  confirmed: PromiseWithResolvers<void>;
}

/**
 * The results on their way to the broker. A result is on disk before it is published and stays until some time after
 * the broker has confirmed it, so neither a dead wrapper nor a dead broker can lose one. Where the disk refuses, the
 * result is kept in memory and the write is tried again.
 */
export class Spool {
  readonly #deps: SpoolDeps;
  readonly #entries = new Map<string, Entry>();
  readonly #confirmed = new Map<string, { entry: Entry; forget: () => void }>();
  #sending = false;
  #failures = 0;
  #cancelRetry: (() => void) | null = null;
  #closed = false;

  constructor(deps: SpoolDeps) {
    this.#deps = deps;
  }

  /** Takes over the results that an earlier incarnation could not deliver. */
  async open(): Promise<void> {
    const { dir, log } = this.#deps;
    let names: string[];
    try {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      names = await readdir(dir);
    } catch (error) {
      log.error(
        { dir, error: errorText(error) },
        'the spool directory cannot be used: results are kept in memory only',
      );
      return;
    }
    for (const name of names.toSorted()) {
      const file = path.join(dir, name);
      if (name.endsWith('.tmp')) await rm(file, { force: true });
      else if (name.endsWith('.json')) await this.#adopt(file);
    }
    this.#announce();
  }

  async #adopt(file: string): Promise<void> {
    try {
      const result = taskResultSchema.parse(JSON.parse(await readFile(file, 'utf8')));
      this.#entries.set(file, { result, file, onDisk: true, inherited: true, confirmed: Promise.withResolvers() });
    } catch (error) {
      this.#deps.log.error({ file, error: errorText(error) }, 'a spooled result cannot be read: put aside as .bad');
      await rename(file, `${file}.bad`);
    }
  }

  get pending(): { task: string; attempt: number }[] {
    return [...this.#entries.values()].map(({ result }) => ({ task: result.task, attempt: result.attempt }));
  }

  /**
   * True while results of an earlier incarnation are on their way. A claim before they arrive would be answered with
   * the very task that they end, to be done once more. A result that cannot be delivered does not prevent claims.
   */
  get inherited(): boolean {
    return this.#failures === 0 && [...this.#entries.values()].some((entry) => entry.inherited);
  }

  /**
   * Takes a result in. Resolves once it is written down (or known to be unwritable); `confirmed` once the broker has
   * it.
   */
  async deliver(result: TaskResult): Promise<{ confirmed: Promise<void> }> {
    const file = path.join(this.#deps.dir, `${result.task}-${result.attempt}.json`);
    const entry: Entry = { result, file, onDisk: false, inherited: false, confirmed: Promise.withResolvers() };
    this.#entries.set(file, entry);
    await this.#write(entry);
    this.#announce();
    this.flush();
    return { confirmed: entry.confirmed.promise };
  }

  /** Sends what is pending now: on start and whenever the broker is connected again. */
  flush(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    if (!this.#sending && !this.#closed) void this.#send();
  }

  /** The broker was away: sends again what it had confirmed shortly before. */
  resend(): void {
    for (const { entry, forget } of this.#confirmed.values()) {
      forget();
      if (!this.#entries.has(entry.file)) this.#entries.set(entry.file, entry);
    }
    this.#confirmed.clear();
    this.#failures = 0;
    this.flush();
  }

  /** An ordered end: confirmed results are forgotten, the others wait for the next incarnation. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    const kept = [...this.#confirmed.values()];
    this.#confirmed.clear();
    for (const { forget } of kept) forget();
    await Promise.all(kept.map(({ entry }) => this.#remove(entry.file)));
  }

  #keep(entry: Entry): void {
    this.#confirmed.get(entry.file)?.forget();
    const forget = this.#deps.clock.after(KEEP_CONFIRMED_MS, () => {
      this.#confirmed.delete(entry.file);
      void this.#remove(entry.file);
    });
    this.#confirmed.set(entry.file, { entry, forget });
  }

  /** Sends the results one at a time, oldest first. Never throws: a failure is logged, and tried again with backoff. */
  async #send(): Promise<void> {
    this.#sending = true;
    try {
      for (let entry = this.#next(); entry !== undefined && !this.#closed; entry = this.#next()) {
        if (!entry.onDisk) await this.#write(entry);
        await this.#deps.publish(entry.result);
        this.#entries.delete(entry.file);
        entry.inherited = false;
        this.#failures = 0;
        entry.confirmed.resolve();
        this.#announce();
        this.#keep(entry);
      }
    } catch (error) {
      this.#failures += 1;
      this.#deps.log.warn({ error: errorText(error), pending: this.#entries.size }, 'a result is not delivered yet');
      this.#announce();
      this.#retryLater();
    } finally {
      this.#sending = false;
    }
  }

  #next(): Entry | undefined {
    return this.#entries.values().next().value;
  }

  #retryLater(): void {
    if (this.#closed) return;
    this.#cancelRetry = this.#deps.clock.after(backoffDelay(RETRY_BACKOFF, this.#failures), () => this.flush());
  }

  async #write(entry: Entry): Promise<void> {
    try {
      await mkdir(path.dirname(entry.file), { recursive: true, mode: 0o700 });
      await writeFileAtomic(entry.file, JSON.stringify(entry.result));
      entry.onDisk = true;
    } catch (error) {
      this.#deps.log.error(
        { file: entry.file, error: errorText(error) },
        'a result cannot be written to disk: it is kept in memory until the broker has it',
      );
    }
  }

  async #remove(file: string): Promise<void> {
    try {
      await rm(file, { force: true });
    } catch (error) {
      // The next incarnation sends the result again, and the supervisor knows it as stale: a nuisance, not a loss.
      this.#deps.log.warn({ file, error: errorText(error) }, 'a delivered result cannot be removed from the spool');
    }
  }

  #announce(): void {
    this.#deps.changed(this.pending);
  }
}
