import { endsTurn, lastUuid } from '../../claude/index.ts';
import { pause, type Clock } from '../../lib/clock.ts';

/** How often swarm looks at a transcript that lacks the end of its turn, ms. */
const LOOK_MS = 10;
/**
 * How long swarm waits for the last line of a transcript, ms. Claude Code was seen to take up to 170 ms from its Stop
 * hook.
 */
const PATIENCE_MS = 1_000;
/**
 * The same for a turn without last words, ms: only the line that closes a turn shows its end then, and Claude Code does
 * not promise that line.
 */
const WORDLESS_PATIENCE_MS = 300;

/** A turn that has ended; null: one is under way, or there has been none. */
export type EndedTurn = { lastWords: string | null } | null;

/**
 * uuid of the transcript's last line. After the end of a turn swarm waits for the line that ends it: a conversation
 * that is later cut one line too early goes on with half a turn.
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
