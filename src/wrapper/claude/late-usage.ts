import type { Logger } from 'pino';
import { errorText } from '../../domain/errors.ts';
import { pause, type Clock } from '../../lib/clock.ts';
import type { ClaudePane } from './claude-pane.ts';
import type { AgentState } from '../contract/state.ts';
import type { UsageMeter } from './usage-meter.ts';

/**
 * How long the last telemetry of a turn may take, ms: it is exported ten times a second, and later on a machine under
 * load.
 */
const TELEMETRY_LAG_MS = 1_300;

/** Waits for the telemetry of the turn that has just ended. */
export async function lateTelemetry(
  meter: UsageMeter,
  pane: ClaudePane,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const endedAt = Date.parse(pane.turn?.since ?? '');
  if (!meter.exact || !pane.alive || Number.isNaN(endedAt) || meter.lastAt >= endedAt) return;
  const left = Math.min(TELEMETRY_LAG_MS, endedAt + TELEMETRY_LAG_MS - clock.now());
  await pause(clock, Math.max(0, left), signal);
}

/** Reads the tokens of a turn that has ended from its transcript, where telemetry does not bring them. */
export async function countTokens(
  meter: UsageMeter,
  pane: ClaudePane,
  { state, log }: { state: AgentState; log: Logger },
): Promise<void> {
  try {
    await meter.readTranscript(pane.turn?.transcriptPath ?? null);
    state.update({ usage: meter.total });
  } catch (error) {
    log.warn({ error: errorText(error) }, 'the transcript cannot be read for its tokens');
  }
}
