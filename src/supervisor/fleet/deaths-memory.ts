import type { Logger } from 'pino';
import type { Store } from '../../store/store.ts';
import type { AgentRecord, WrittenBy } from '../project/agent-record.ts';
import type { Lifecycle } from '../project/lifecycle.ts';

interface Kept {
  /** Set when the agent was given up, with the reason. */
  failed: Extract<Lifecycle, { phase: 'failed' }> | null;
  /** As in `AgentRecord`. */
  deaths: readonly number[];
  vanished: readonly number[];
}

/**
 * The deaths of each agent, in the store: an agent that was given up stays so in the next supervisor, and one that dies
 * again and again is given up although the supervisor dies in between.
 */
export class DeathsMemory {
  readonly #store: Pick<Store, 'notes' | 'write'>;
  readonly #log: Logger;
  readonly #kept: Map<string, Kept>;
  /** Removed agents: their removal ends as a step of theirs, which would be noted after `forget`. */
  readonly #forgotten = new WeakSet<AgentRecord>();

  constructor({ store, log }: { store: Pick<Store, 'notes' | 'write'>; log: Logger }) {
    this.#store = store;
    this.#log = log;
    this.#kept = new Map(Object.entries(store.notes.get('agents.deaths') ?? {}));
  }

  /**
   * Gives a record, made from its row alone, its stored deaths. A time in the future was noted before the clock was set
   * back, by an unknown span: counted as now, it would have an agent given up for deaths of long ago.
   */
  recall(record: WrittenBy<'fleet'>, now: number): void {
    const kept = this.#kept.get(record.id);
    if (kept === undefined) return;
    const past = (at: number): boolean => at <= now;
    record.deaths = kept.deaths.filter(past);
    record.vanished = kept.vanished.filter(past);
    if (kept.failed !== null) record.lifecycle = kept.failed;
  }

  /**
   * Notes an agent's deaths. Resolves when they are stored, or cannot be: a full disk is no reason to start it again.
   */
  async note(record: AgentRecord, lifecycle: Lifecycle): Promise<void> {
    if (this.#forgotten.has(record)) return;
    const { id, deaths, vanished } = record;
    // A start that is looked at again is no giving up: the next supervisor looks for itself.
    const failed = lifecycle.phase === 'failed' && lifecycle.lookAgainAt === undefined ? lifecycle : null;
    const nothing = failed === null && deaths.length === 0 && vanished.length === 0;
    const kept = { failed, deaths, vanished };
    const before = this.#kept.get(id);
    if (nothing ? before === undefined : JSON.stringify(kept) === JSON.stringify(before)) return;
    if (nothing) this.#kept.delete(id);
    else this.#kept.set(id, kept);
    await this.#write(id);
  }

  /** Forgets a removed agent, so that another one of this name begins without its deaths. */
  async forget(record: AgentRecord): Promise<void> {
    this.#forgotten.add(record);
    if (this.#kept.delete(record.id)) await this.#write(record.id);
  }

  async #write(agent: string): Promise<void> {
    const all = Object.fromEntries(this.#kept);
    try {
      await this.#store.write(() => this.#store.notes.set('agents.deaths', all));
    } catch (error) {
      this.#log.error({ err: error, agent }, 'what befell the agent could not be kept');
    }
  }
}
