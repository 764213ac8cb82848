import type { HeldTask, WrapperSnapshot } from '../coordination/link.ts';

/** What the supervisor sees of this wrapper: one snapshot, changed in one place, each change announced. */
export class AgentState {
  #snapshot: WrapperSnapshot;
  readonly #listeners = new Set<() => void>();

  constructor(initial: WrapperSnapshot) {
    this.#snapshot = initial;
  }

  get current(): WrapperSnapshot {
    return this.#snapshot;
  }

  update(patch: Partial<WrapperSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...patch };
    for (const listener of this.#listeners) listener();
  }

  setTask(held: HeldTask): void {
    const tasks = this.#snapshot.tasks.filter((task) => task.slot !== held.slot);
    this.update({ tasks: [...tasks, held].toSorted((a, b) => a.slot - b.slot) });
  }

  dropTask(slot: number): void {
    this.update({ tasks: this.#snapshot.tasks.filter((task) => task.slot !== slot) });
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }
}
