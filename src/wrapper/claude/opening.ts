import { randomUUID } from 'node:crypto';
import { pause, type Clock } from '../../lib/clock.ts';

const TRANSCRIPT_WAIT_MS = 5_000;
const TRANSCRIPT_LOOK_MS = 25;

export interface TurnRequest {
  prompt: string;
  /** A new conversation, the one in hand, or the one of that id. */
  session: 'fresh' | 'continue' | { resume: string };
  mark: string;
  /** Aborting ends the process tree. */
  signal: AbortSignal;
  /** The text for the same conversation after the turn was cut short. */
  interrupted(why: string): string;
  /** The text for a fresh conversation where the old one cannot be resumed. */
  handoff(why: string): string;
  /** The text after the API failed. */
  retry(): string;
  /** Called before each process of the turn is started, with the conversation that it will have. */
  began?(sessionId: string): Promise<void>;
  /** Called when the agent has the prompt. */
  delivered?(): void;
  /** True when the agent has said how the task stands: a turn that is cut short now need not go on. */
  settled?(): boolean;
  /**
   * Stops the clock of the attempt while it waits for something that the agent cannot help. Returns the function that
   * starts the clock again.
   */
  waits?(): () => void;
}

/** How a process of the agent begins: with which conversation and which prompt. */
export interface Opening {
  sessionId: string;
  resume: boolean;
  prompt: string;
}

export interface OpeningDeps {
  pane: { readonly alive: boolean; readonly turn: { state: string } | null };
  clock: Clock;
  sessionExists(sessionId: string): Promise<boolean>;
  /** Whether the conversation's newest message is this prompt, unanswered. */
  hasPrompt(sessionId: string, prompt: string): Promise<boolean>;
}

/** How the first process of a turn begins. `current` is the conversation in hand. */
export async function openTurn(request: TurnRequest, current: string | null, deps: OpeningDeps): Promise<Opening> {
  const { session, prompt, handoff } = request;
  const wanted = session === 'fresh' ? null : session === 'continue' ? current : session.resume;
  if (wanted === null) return { sessionId: randomUUID(), resume: false, prompt };
  if (await hasTranscript(wanted, wanted === current, deps)) return { sessionId: wanted, resume: true, prompt };
  // The prompt (an answer, a failed check) must not be lost with the conversation.
  return { sessionId: randomUUID(), resume: false, prompt: led(handoff('its session is gone'), prompt) };
}

/**
 * The prompt, preceded by what a new conversation has to know. A hand-off that contains the prompt, as for a person's
 * message, stands alone.
 */
function led(handoff: string, prompt: string): string {
  return handoff.includes(prompt) ? handoff : `${handoff}\n\n${prompt}`;
}

/**
 * Whether the conversation has a transcript. Claude Code writes it a moment after the fact: for a living process that
 * has ended a turn, swarm waits.
 */
async function hasTranscript(sessionId: string, isCurrent: boolean, deps: OpeningDeps): Promise<boolean> {
  const { pane, clock, sessionExists } = deps;
  const deadline = clock.monotonic() + TRANSCRIPT_WAIT_MS;
  for (;;) {
    if (await sessionExists(sessionId)) return true;
    const mayCome = isCurrent && pane.alive && pane.turn?.state === 'idle';
    if (!mayCome || clock.monotonic() > deadline) return false;
    await pause(clock, TRANSCRIPT_LOOK_MS);
  }
}

/**
 * How the next process of a turn begins after the last was cut short; `prompt` is for an agent that has had the turn's
 * prompt (`delivered`).
 */
export async function goOn(
  request: TurnRequest,
  delivered: boolean,
  current: string | null,
  { sessionExists, hasPrompt }: OpeningDeps,
  prompt: string,
  why: string,
): Promise<Opening> {
  if (current !== null && (await sessionExists(current))) {
    // The last process may have taken the prompt in and died before swarm heard so: a prompt must not arrive twice.
    const has = delivered || (await hasPrompt(current, request.prompt));
    return { sessionId: current, resume: true, prompt: has ? prompt : request.prompt };
  }
  // Claude Code may count an id that was given once as in use.
  const sessionId = randomUUID();
  if (delivered) return { sessionId, resume: false, prompt: request.handoff(why) };
  const { session, prompt: unsaid, handoff } = request;
  return { sessionId, resume: false, prompt: session === 'fresh' ? unsaid : led(handoff(why), unsaid) };
}
