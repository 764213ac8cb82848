import { errorText, SwarmError } from '../../domain/errors.ts';
import type { Context } from '../project/context.ts';
import { Keys } from './keys.ts';
import { perform } from './performance.ts';
import { readPlace } from './place.ts';
import { enterScreen, leaveScreen, openDashboardAbove, screenAddress, type Outcome } from './screen.ts';
import { Stage } from './stage.ts';
import { recordWindow, Tape } from './tape.ts';

/** How long the last picture stays, s. */
const LAST_LOOK_S = 12;

/** The narration in the lower pane of the demonstration's own tmux. @param record file to record the screen to */
export async function narrate(context: Context, directory: string, record: string | undefined): Promise<void> {
  const place = await readPlace(directory);
  await enterScreen(place);
  const { rows, columns } = context.output.stdout;
  using keys = new Keys(context.stdin);
  using tape = record === undefined ? null : Tape.start(record, { columns, rows });
  const recorded = new AbortController();
  const recording = tape === null ? null : recordWindow(screenAddress(place), tape, recorded.signal);
  const stage = new Stage({ context, place, keys, tape: null });
  const outcome: Outcome = {
    kind: place.kind,
    tasks: [],
    steps: stage.steps,
    error: null,
    interrupted: false,
  };
  try {
    outcome.tasks = await perform(stage, () => openDashboardAbove(place, rows));
    stage.line();
    stage.line(stage.paint('green', 'That was all of it. Any key ends it and clears everything away.'));
    await stage.beat(LAST_LOOK_S);
  } catch (error) {
    if (stage.signal.aborted) outcome.interrupted = true;
    else outcome.error = told(error);
  } finally {
    recorded.abort();
    await recording;
    await leaveScreen(place, outcome);
  }
}

function told(error: unknown): NonNullable<Outcome['error']> {
  if (!(error instanceof SwarmError)) return { code: 'internal', message: errorText(error), hint: null };
  return { code: error.code, message: error.message, hint: error.hint ?? null };
}
