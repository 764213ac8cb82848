export interface Message {
  id: string;
  text: string;
}

const REMEMBERED = 1_000;

/**
 * A person's messages that wait for the agent to be free. The supervisor keeps each until it is delivered, so one may
 * come twice.
 */
export class Mailbox {
  readonly #known = new Set<string>();
  readonly #waiting: Message[] = [];

  /** Takes a message in. False when it was taken before. */
  put(message: Message): boolean {
    if (this.#known.has(message.id)) return false;
    this.#known.add(message.id);
    if (this.#known.size > REMEMBERED) this.#known.delete(this.#known.values().next().value ?? '');
    this.#waiting.push(message);
    return true;
  }

  /** Puts a message that was taken and could not be delivered before all others. */
  putBack(message: Message): void {
    this.#waiting.unshift(message);
  }

  take(): Message | null {
    return this.#waiting.shift() ?? null;
  }
}
