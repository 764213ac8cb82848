import { randomUUID } from 'node:crypto';
import { pause, type Clock } from '../../lib/clock.ts';

const TRANSCRIPT_WAIT_MS = 5_000;
const TRANSCRIPT_LOOK_MS = 25;

export interface TurnRequest {
  prompt: string;
  /** A new conversation, the one in hand, or a named one. */
  session: 'fresh' | 'continue' | { resume: string };
  mark: string;
  /** Aborting ends the process tree. */
  signal: AbortSignal;
  /** What to say in the same conversation after the turn was cut short. */
  interrupted(why: string): string;
  /** What to say in a fresh conversation where the old one is not to be had. */
  handoff(why: string): string;
  /** What to say after the API failed. */
  retry(): string;
  /** Its process is about to be started, in this conversation; also each further one of the same turn. */
  began?(sessionId: string): Promise<void>;
  /** The agent has the prompt. */
  delivered?(): void;
  /** The agent has said its last word: nothing needs to go on when the turn is cut short now. */
  settled?(): boolean;
  /** While it waits for what it cannot help, its own time stands still. Returns the way back. */
  waits?(): () => void;
}

/** How a process of the agent is to begin: with which conversation, and what it is told. */
export interface Opening {
  sessionId: string;
  resume: boolean;
  prompt: string;
}

export interface OpeningDeps {
  pane: { readonly alive: boolean; readonly turn: { state: string } | null };
  clock: Clock;
  sessionExists(sessionId: string): Promise<boolean>;
  /** The conversation's newest message is this prompt, unanswered. */
  hasPrompt(sessionId: string, prompt: string): Promise<boolean>;
}

/** The beginning of a turn. `current` is the conversation in hand. */
export async function openTurn(request: TurnRequest, current: string | null, world: OpeningDeps): Promise<Opening> {
  const { session, prompt, handoff } = request;
  const wanted = session === 'fresh' ? null : session === 'continue' ? current : session.resume;
  if (wanted === null) return { sessionId: randomUUID(), resume: false, prompt };
  if (await hasTranscript(wanted, wanted === current, world)) return { sessionId: wanted, resume: true, prompt };
  // What was to be said now (an answer, a failed check) must not be lost with the conversation.
  return { sessionId: randomUUID(), resume: false, prompt: led(handoff('its session is gone'), prompt) };
}

/** What was to be said, after what a new conversation has to know first; a message of a person is its own hand-off. */
function led(handoff: string, prompt: string): string {
  return handoff.includes(prompt) ? handoff : `${handoff}\n\n${prompt}`;
}

/** Claude Code writes its transcript a moment after the fact: a living one that has ended a turn is waited for. */
async function hasTranscript(sessionId: string, isCurrent: boolean, world: OpeningDeps): Promise<boolean> {
  const { pane, clock, sessionExists } = world;
  const deadline = clock.monotonic() + TRANSCRIPT_WAIT_MS;
  for (;;) {
    if (await sessionExists(sessionId)) return true;
    const mayCome = isCurrent && pane.alive && pane.turn?.state === 'idle';
    if (!mayCome || clock.monotonic() > deadline) return false;
    await pause(clock, TRANSCRIPT_LOOK_MS);
  }
}

/** The same turn again after it was cut short; `prompt` is for an agent that had been told of it (`delivered`). */
export async function goOn(
  request: TurnRequest,
  delivered: boolean,
  current: string | null,
  { sessionExists, hasPrompt }: OpeningDeps,
  prompt: string,
  why: string,
): Promise<Opening> {
  if (current !== null && (await sessionExists(current))) {
    // It may have taken the prompt in and died before it could say so: nothing arrives twice.
    const has = delivered || (await hasPrompt(current, request.prompt));
    return { sessionId: current, resume: true, prompt: has ? prompt : request.prompt };
  }
  // An id that was given once may count as in use.
  const sessionId = randomUUID();
  if (delivered) return { sessionId, resume: false, prompt: request.handoff(why) };
  const { session, prompt: unsaid, handoff } = request;
  return { sessionId, resume: false, prompt: session === 'fresh' ? unsaid : led(handoff(why), unsaid) };
}
