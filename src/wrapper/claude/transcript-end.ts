import { endsTurn, lastUuid } from '../../claude/index.ts';
import { pause, type Clock } from '../../lib/clock.ts';

/** How often a transcript is looked at that lacks the end of its turn, ms. */
const LOOK_MS = 10;
/** Claude Code was seen to take up to 170 ms from its Stop hook to the last line, ms. */
const PATIENCE_MS = 1_000;
/** Without last words only the line that closes a turn could tell, which is no promise, ms. */
const WORDLESS_PATIENCE_MS = 300;

/** A turn that is over; null: one is under way, or none has been. */
export type EndedTurn = { lastWords: string | null } | null;

/**
 * uuid of the transcript's last line, after a turn's end that of the whole turn: a conversation that is later cut one
 * line too early goes on with half a turn.
 */
export async function transcriptEnd(file: string, turn: EndedTurn, clock: Clock): Promise<string | null> {
  if (turn !== null) {
    const { lastWords } = turn;
    const wordless = lastWords === null || lastWords.trim() === '';
    let leftMs = wordless ? WORDLESS_PATIENCE_MS : PATIENCE_MS;
    for (; leftMs > 0 && !(await endsTurn(file, lastWords)); leftMs -= LOOK_MS) await pause(clock, LOOK_MS);
  }
  return await lastUuid(file);
}
