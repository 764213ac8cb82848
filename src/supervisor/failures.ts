import type { Logger } from 'pino';
import type { Store } from '../store/store.ts';
import type { AgentRecord } from './agent-record.ts';
import type { Lifecycle } from './lifecycle.ts';

const KEY = 'agents.failed';

type Failed = Extract<Lifecycle, { phase: 'failed' }>;

/** Who was given up, and why. Kept, so that whoever rests until a person has looked also rests in the next supervisor. */
export class Failures {
  readonly #store: Pick<Store, 'kv' | 'write'>;
  readonly #log: Logger;
  readonly #failed: Map<string, Failed>;

  constructor({ store, log }: { store: Pick<Store, 'kv' | 'write'>; log: Logger }) {
    this.#store = store;
    this.#log = log;
    const kept = (store.kv.get(KEY) ?? {}) as Record<string, Failed>;
    this.#failed = new Map(Object.entries(kept));
  }

  /** To an agent of which nothing is known yet but what the store says. */
  recall(record: AgentRecord): void {
    const failed = this.#failed.get(record.id);
    if (failed !== undefined) record.lifecycle = failed;
  }

  /** Resolves when it is kept, or cannot be: a disk that is full is no reason to start it again. */
  async note(agent: string, lifecycle: Lifecycle): Promise<void> {
    if (lifecycle.phase === 'failed') this.#failed.set(agent, lifecycle);
    else if (!this.#failed.delete(agent)) return;
    const all = Object.fromEntries(this.#failed);
    try {
      await this.#store.write(() => this.#store.kv.set(KEY, all));
    } catch (error) {
      this.#log.error({ err: error, agent }, 'who was given up could not be kept');
    }
  }
}
