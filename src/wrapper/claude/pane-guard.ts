import { pause, type Clock } from '../../lib/clock.ts';
import type { ClaudePane } from './claude-pane.ts';
import { composerText, mayHoldDraft, obstacle, type Obstacle } from './draft-guard.ts';
import type { Terminal } from '../contract/effects.ts';
import type { AgentState } from '../contract/state.ts';
import { isWorking } from './turn-end.ts';

const LOOK_AGAIN_MS = 1_000;

export interface PaneGuardDeps {
  pane: ClaudePane;
  terminal: Terminal;
  state: AgentState;
  clock: Clock;
}

/** Keeps a process from being replaced in the pane while a person is in the middle of something there. */
export class PaneGuard {
  readonly #deps: PaneGuardDeps;
  #since: number;

  constructor(deps: PaneGuardDeps) {
    this.#deps = deps;
    this.#since = deps.clock.now();
  }

  /** A turn has ended: text that stood in the composer before now is not a draft. */
  turnEnded(): void {
    this.#since = this.#deps.clock.now();
  }

  /**
   * Waits until the process in the pane may be ended; the agent is held meanwhile, with the reason.
   * @param insist a person asked for the end: true at once
   * @param wake aborted when `insist` or `signal` may have changed
   */
  async clear(signal: AbortSignal, insist: () => boolean, wake: () => AbortSignal): Promise<boolean> {
    const { pane, state, clock } = this.#deps;
    for (let held = false; !signal.aborted; held = true) {
      const found = pane.alive && !insist() ? await this.#obstacle() : null;
      if (found === null) {
        if (held) state.update({ held: null });
        return true;
      }
      this.#hold(found);
      await pause(clock, LOOK_AGAIN_MS, AbortSignal.any([signal, wake()]));
    }
    return false;
  }

  #hold({ detail, untilMs }: NonNullable<Obstacle>): void {
    const { state } = this.#deps;
    const until = untilMs === null ? null : new Date(untilMs).toISOString();
    const before = state.current.held;
    if (before?.detail !== detail || before.until !== until) state.update({ held: { kind: 'draft', until, detail } });
  }

  async #obstacle(): Promise<Obstacle> {
    const { pane, terminal, clock } = this.#deps;
    if (isWorking(pane.turn)) return { detail: "a person's own turn is under way in the pane", untilMs: null };
    const presence = await terminal.presence();
    const composer = mayHoldDraft(presence, this.#since) ? composerText(await terminal.screen()) : null;
    return obstacle(presence, composer, clock.now());
  }
}
