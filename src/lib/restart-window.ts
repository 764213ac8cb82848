/** Restart intensity as OTP and systemd mean it: at most `intensity` restarts within any `windowMs`. */
export interface RestartWindow {
  intensity: number;
  windowMs: number;
}

export interface RestartCount {
  /** Times within the window including this one, oldest first: keep it for the next call. */
  history: readonly number[];
  /** True when this restart is one too many. */
  exceeded: boolean;
}

/**
 * Notes one restart.
 * @param now ms, on the same clock as `history`; a time before the last one (the clock was set back) counts as now
 */
export function noteRestart(window: RestartWindow, history: readonly number[], now: number): RestartCount {
  const kept = [...restartsWithin(window, history, now), now];
  return { history: kept, exceeded: kept.length > window.intensity };
}

/** The restarts that still count at `now`. */
export function restartsWithin(window: RestartWindow, history: readonly number[], now: number): readonly number[] {
  return history.filter((at) => now - at < window.windowMs).map((at) => Math.min(at, now));
}
