import type { Logger } from 'pino';
import { pause, type Clock } from '../../lib/clock.ts';
import type { ModelAccess } from './model-access.ts';
import type { TurnRequest } from './opening.ts';
import type { PaneGuard } from './pane-guard.ts';
import type { SettingsWatch } from './settings-watch.ts';
import type { AgentState } from '../contract/state.ts';
import { afterApiFailure, apiText, type Rest } from './turn-end.ts';

/** How long the supervisor may take to say that a failure is that of all agents, ms. */
const WORD_MS = 1_000;

export interface TurnWaitsDeps {
  access: ModelAccess;
  guard: PaneGuard;
  settings: Pick<SettingsWatch, 'look' | 'clear'>;
  state: AgentState;
  clock: Clock;
  log: Logger;
  /** A signal that is aborted when `interrupted` may have changed. */
  wake(): AbortSignal;
  interrupted(): boolean;
  carryOut(): Promise<unknown>;
}

type Waiting = Pick<TurnRequest, 'signal' | 'waits'>;

/** What a turn waits for: the account that all agents share, the person in the pane, an API that has failed. */
export class TurnWaits {
  readonly #deps: TurnWaitsDeps;

  constructor(deps: TurnWaitsDeps) {
    this.#deps = deps;
  }

  /** Waits until a turn may begin; false when the turn is broken off meanwhile. */
  async mayBegin({ signal, waits }: Waiting): Promise<boolean> {
    const { access, guard, settings, wake, interrupted, carryOut } = this.#deps;
    const { permits: gate } = access;
    while (!signal.aborted) {
      if (interrupted()) await carryOut();
      const goOnCounting = gate.closed === null ? undefined : waits?.();
      const passing = gate.pass(AbortSignal.any([signal, wake()]));
      // This agent's own hold is replaced by the hold of all agents.
      this.#deps.state.update({ held: null });
      const open = await passing;
      goOnCounting?.();
      if (!open) continue;
      if (await settings.look()) {
        // An agent that is not watched would never end its turn.
        const goOnAfter = waits?.();
        await settings.clear(AbortSignal.any([signal, wake()]));
        goOnAfter?.();
        continue;
      }
      if (!(await guard.clear(signal, interrupted, wake))) return false;
      // A hold of the account may have begun, or a restart been asked for, while a person's draft was waited for.
      if (gate.closed === null && !interrupted()) return true;
    }
    return false;
  }

  /**
   * Waits until an API failure may have passed.
   * @returns `shared`: all agents of the account waited for it; `own`: this turn alone
   */
  async outlast(
    failure: Extract<Rest, { kind: 'api-failure' }>,
    failures: number,
    { signal, waits }: Waiting,
  ): Promise<'shared' | 'own' | 'given-up'> {
    const { clock, state, log, access, wake } = this.#deps;
    const recovery = afterApiFailure(failure, failures, clock.now(), Math.random);
    log.warn({ ...failure, failures, recovery }, 'the API failed');
    const goOnCounting = waits?.();
    const signals = AbortSignal.any([signal, wake()]);
    try {
      const number = access.failed(failure);
      const began = clock.monotonic();
      const ms = recovery.do === 'give-up' ? WORD_MS : recovery.ms;
      if (recovery.do === 'hold') {
        const until = new Date(clock.now() + ms).toISOString();
        state.update({ held: { kind: recovery.kind, until, detail: apiText(failure) } });
      }
      const heard = await access.heard(number, ms, signals);
      if (heard && (recovery.do === 'hold' || access.permits.closed !== null)) return 'shared';
      if (recovery.do === 'give-up') return 'given-up';
      await pause(clock, began + ms - clock.monotonic(), signals);
      return 'own';
    } finally {
      goOnCounting?.();
    }
  }
}
