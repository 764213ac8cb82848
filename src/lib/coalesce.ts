import { systemClock } from './clock.ts';
export interface Coalesced extends Disposable {
  /** Asks for a run within `ms`; further calls before that run add nothing. */
  (): void;
  /** Runs now if a run is asked for. */
  flush(): void;
  /** Drops the run that was asked for. */
  cancel(): void;
}

/**
 * Coalesces calls at their trailing edge: the first call starts a timer, and however many calls come before it ends,
 * `fn` runs once at its end. So `fn` runs at most 1000/ms times a second, and the last call is never lost.
 */
export function coalesce(fn: () => void, ms: number): Coalesced {
  let drop: (() => void) | undefined;
  const cancel = (): void => {
    drop?.();
    drop = undefined;
  };
  const run = (): void => {
    cancel();
    fn();
  };
  const ask = (): void => {
    drop ??= systemClock.after(ms, run);
  };
  const flush = (): void => {
    if (drop !== undefined) run();
  };
  return Object.assign(ask, { flush, cancel, [Symbol.dispose]: cancel });
}
