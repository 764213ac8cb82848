import { SwarmError } from '../../domain/errors.ts';

/** Work in the middle of which the supervisor must not end, whatever is ordered meanwhile. */
export class OngoingWork {
  #count = 0;
  #ending = false;

  get any(): boolean {
    return this.#count > 0;
  }

  /**
   * @throws SwarmError `supervisor-down` when the end has begun, then and after a wait inside of `work`: see `refuse`
   */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.refuse();
    this.#count += 1;
    try {
      return await work();
    } finally {
      this.#count -= 1;
    }
  }

  /** No further work is begun. */
  end(): void {
    this.#ending = true;
  }

  /** @throws SwarmError `supervisor-down`, like a supervisor that is gone: its caller starts the next one */
  refuse(): void {
    if (!this.#ending) return;
    throw new SwarmError('supervisor-down', 'the supervisor is just ending', {
      hint: 'Run `swarm up`.',
      retrySafe: true,
    });
  }
}
