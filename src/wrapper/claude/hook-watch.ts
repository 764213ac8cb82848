import { stat } from 'node:fs/promises';
import { readTail, type ClaudeEvent } from '../../claude/index.ts';
import { errorText } from '../../domain/errors.ts';
import { pause, type Clock } from '../../lib/clock.ts';
import type { Logger } from 'pino';
import { HookLedger, type Unheard } from './hook-ledger.ts';

/** How often the transcript is looked at, ms. */
const LOOK_MS = 1_000;

const TELLS: Readonly<Record<Unheard, string>> = {
  answer: 'the model answers',
  tool: 'a tool has run',
  end: 'its turn is over',
};

export interface HookWatchDeps {
  /** How the person calls the agent. */
  agent: string;
  /** The transcript of the living process; null: no process lives. */
  transcript(): string | null;
  /** Called with each change. @param deaf why swarm does not hear the process, and the cure; null: it does */
  changed(deaf: string | null): void;
  clock: Clock;
  log: Logger;
}

/**
 * Watches whether the hooks of Claude Code arrive at all, whatever keeps them: what swarm cannot read (an
 * organisation's settings, a proxy, a later version) can blind it too. What the process writes down shows that it works.
 */
export class HookWatch {
  readonly #deps: HookWatchDeps;
  readonly #ledger = new HookLedger();
  readonly #closing = new AbortController();
  #file: string | null = null;
  #offset = 0;
  #known: string | null = null;

  constructor(deps: HookWatchDeps) {
    this.#deps = deps;
  }

  /** A process is about to begin. @param file where it will write its transcript, which may be there already */
  async begins(file: string): Promise<void> {
    const size = await stat(file).then(
      (found) => found.size,
      () => 0,
    );
    [this.#file, this.#offset] = [file, size];
    this.#ledger.begins(this.#deps.clock.now());
    this.#tell(null);
  }

  event(event: ClaudeEvent): void {
    if (this.#ledger.event(event)) this.#tell(null);
  }

  /** Looks again and again, until `close`. */
  async run(): Promise<void> {
    const { clock, log } = this.#deps;
    while (!this.#closing.signal.aborted) {
      await this.#look().catch((error: unknown) => log.debug({ error: errorText(error) }, 'no look at the transcript'));
      await pause(clock, LOOK_MS, this.#closing.signal);
    }
  }

  close(): void {
    this.#closing.abort();
  }

  async #look(): Promise<void> {
    const file = this.#deps.transcript();
    if (file === null) return this.#tell(null);
    if (file !== this.#file) [this.#file, this.#offset] = [file, 0];
    for (let more = true; more;) {
      const tail = await readTail(file, this.#offset);
      if (file !== this.#file || this.#closing.signal.aborted) return;
      this.#ledger.wrote(tail.lines);
      [this.#offset, more] = [tail.offset, tail.more];
    }
    const unheard = this.#ledger.look();
    if (unheard !== null) this.#tell(this.#text(unheard));
  }

  #text(unheard: Unheard): string {
    const { lastHookAt } = this.#ledger;
    const since = lastHookAt === null ? 'its start' : new Date(lastHookAt).toTimeString().slice(0, 8);
    return [
      `Claude Code's hooks do not reach swarm: ${TELLS[unheard]}, and none has come since ${since}, so the agent cannot be watched.`,
      'No settings file that swarm knows switches them off: it may be settings of an organisation, or a proxy.',
      `See /hooks and /status in its pane (\`swarm attach ${this.#deps.agent}\`), then \`swarm restart ${this.#deps.agent}\`.`,
    ].join(' ');
  }

  #tell(deaf: string | null): void {
    if (deaf === this.#known || this.#closing.signal.aborted) return;
    this.#known = deaf;
    this.#deps.changed(deaf);
  }
}
