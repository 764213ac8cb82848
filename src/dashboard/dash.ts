import { errorText, SwarmError } from '../domain/errors.ts';
import { carryOut, type Effect, type Order, type Orders } from './effects.ts';
import type { Feed } from './feed.ts';
import { clampOverlay, paste, press } from './press.ts';
import type { Paint } from './text.ts';
import { settle, startWith, type Ui } from './ui.ts';
import { viewOf, type View } from './view.ts';

export interface DashOptions {
  feed: Feed;
  orders: Orders;
  paint: Paint;
  now?: () => number;
}

/** The state behind the components, and the target of keys: the feed's model and the person's place in it. */
export class Dash {
  readonly #feed: Feed;
  readonly #orders: Orders;
  readonly #paint: Paint;
  readonly #now: () => number;
  readonly #listeners = new Set<() => void>();
  #ui: Ui;
  /** The last view, with its text and size: the same object as long as none of its characters changes. */
  #shown: { view: View; text: string; size: string } | null = null;
  #stale = true;

  constructor({ feed, orders, paint, now = Date.now }: DashOptions) {
    this.#feed = feed;
    this.#orders = orders;
    this.#paint = paint;
    this.#now = now;
    this.#ui = startWith(feed.model);
    feed.subscribe(() => this.#set(settle(this.#ui, feed.model, this.#now())));
  }

  get ui(): Ui {
    return this.#ui;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  view(columns: number, rows: number): View {
    const size = `${columns}x${rows}`;
    if (this.#shown !== null && !this.#stale && this.#shown.size === size) return this.#shown.view;
    const view = viewOf(this.#feed.model, this.#ui, { columns, rows, paint: this.#paint, now: new Date(this.#now()) });
    this.#stale = false;
    this.#ui = clampOverlay(this.#ui, view.mostTop);
    const text = JSON.stringify(view);
    if (this.#shown?.text !== text) this.#shown = { view, text, size };
    else this.#shown.size = size;
    return this.#shown.view;
  }

  /**
   * Takes a key.
   * @returns an effect that only the terminal can carry out: to leave, or to attach to an agent; all others are under
   * way
   */
  press(key: string): Exclude<Effect, Order> | null {
    const { ui, effect } = press(this.#ui, this.#feed.model, key, this.#now());
    this.#set(ui);
    if (effect === null || effect.do === 'quit' || effect.do === 'attach') return effect;
    void this.#carryOut(effect);
    return null;
  }

  paste(text: string): void {
    this.#set(paste(this.#ui, text));
  }

  say(text: string, problem = false): void {
    this.#set({ ...this.#ui, notice: { text, problem } });
  }

  async #carryOut(order: Order): Promise<void> {
    try {
      this.say(await carryOut(order, this.#orders));
    } catch (error) {
      // A question whose answer failed can be answered again.
      if (order.do === 'answer')
        this.#set({ ...this.#ui, answered: this.#ui.answered.filter((key) => key !== order.key) });
      this.say(problemText(error), true);
    }
    this.#feed.look();
  }

  #set(ui: Ui): void {
    this.#ui = ui;
    this.#stale = true;
    for (const listener of this.#listeners) listener();
  }
}

export function problemText(error: unknown): string {
  const hint = error instanceof SwarmError && error.hint !== undefined ? ` ${error.hint}` : '';
  return `${errorText(error)}.${hint}`.replace('..', '.');
}
