import type { HeldTask, WrapperSnapshot } from '../../coordination/link.ts';

/** What the supervisor sees of this wrapper: one snapshot, changed here alone, each change announced. */
export class AgentState {
  #snapshot: WrapperSnapshot;
  readonly #listeners = new Set<() => void>();
  /**
   * What holds this agent alone, and what holds the fleet. The hold of the fleet is shown first, that of the agent
   * again after it.
   */
  #held: WrapperSnapshot['held'] = null;
  #gate: WrapperSnapshot['held'] = null;

  constructor(initial: WrapperSnapshot) {
    this.#snapshot = initial;
  }

  get current(): WrapperSnapshot {
    return this.#snapshot;
  }

  update(patch: Partial<WrapperSnapshot>): void {
    if (patch.held !== undefined) this.#held = patch.held;
    this.#snapshot = { ...this.#snapshot, ...patch, held: this.#gate ?? this.#held };
    for (const listener of this.#listeners) listener();
  }

  /** Sets what holds the whole fleet, this agent included; null: nothing. */
  gate(held: WrapperSnapshot['held']): void {
    this.#gate = held;
    this.update({});
  }

  setTask(held: HeldTask): void {
    const tasks = this.#snapshot.tasks.filter((task) => task.slot !== held.slot);
    this.update({ tasks: [...tasks, held].toSorted((a, b) => a.slot - b.slot) });
  }

  /** Sets the conversation of the task in this slot, once it has one. */
  noteSession(slot: number, sessionId: string): void {
    const held = this.#snapshot.tasks.find((task) => task.slot === slot);
    if (held !== undefined && held.sessionId !== sessionId) this.setTask({ ...held, sessionId });
  }

  dropTask(slot: number): void {
    this.update({ tasks: this.#snapshot.tasks.filter((task) => task.slot !== slot) });
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }
}
