import { pause, type Clock } from '../../lib/clock.ts';

/** How often the settings are looked at, ms. Claude Code itself obeys a changed file within seconds. */
const LOOK_MS = 2_000;

export interface SettingsWatchDeps {
  /**
   * What keeps Claude Code's hooks from running, and its cure; null: nothing.
   * @param of the process that runs now, or one that is started now
   */
  look(of: 'present' | 'next'): Promise<string | null>;
  /** Called with each change. */
  changed(blinding: string | null): void;
  clock: Clock;
}

/**
 * Watches for settings of Claude Code that blind swarm. They come with a task's base, by an edit of a person, of an
 * agent or of an administrator, and count in the middle of a turn: no hook tells of that, nor of anything after it.
 */
export class SettingsWatch {
  readonly #deps: SettingsWatchDeps;
  readonly #closing = new AbortController();
  #known: string | null = null;

  constructor(deps: SettingsWatchDeps) {
    this.#deps = deps;
  }

  /** Looks again and again, until `close`. */
  async run(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.#look('present');
      await pause(this.#deps.clock, LOOK_MS, this.#closing.signal);
    }
  }

  /** Whether the hooks of a process that is started now would be switched off. */
  async look(): Promise<boolean> {
    return await this.#look('next');
  }

  async #look(of: 'present' | 'next'): Promise<boolean> {
    const found = await this.#deps.look(of);
    if (found !== this.#known && !this.#closing.signal.aborted) {
      this.#known = found;
      this.#deps.changed(found);
    }
    return found !== null;
  }

  /** Waits until nothing blinds swarm, or one of the signals aborts. */
  async clear(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#closing.signal.aborted && (await this.look()))
      await pause(this.#deps.clock, LOOK_MS, AbortSignal.any([signal, this.#closing.signal]));
  }

  close(): void {
    this.#closing.abort();
  }
}
