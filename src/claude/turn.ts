import type { TurnState } from '../coordination/link.ts';
import type { ClaudeEvent } from './events.ts';
import { MCP_SERVER } from './tools.ts';
import type { ToolName } from './tools.ts';

export interface OpenPermission {
  requestId: string;
  tool: string;
  input: unknown;
  text: string;
  since: string;
}

export interface TurnFailure {
  /**
   * Claude Code's own word (`rate_limit`, `server_error`, …), `empty_stop`, or, in state `idle`, `interrupted`: a
   * person said no in the pane and the agent waits for their next text.
   */
  error: string;
  details: string | null;
}

/** The state of one Claude Code process, from its events alone. */
export interface Turn {
  state: TurnState;
  /** When `state` was entered. */
  since: string;
  lastProgressAt: string | null;
  sessionId: string | null;
  transcriptPath: string | null;
  /** The agent's last words of the turn that ended. */
  lastMessage: string | null;
  failure: TurnFailure | null;
  openPermissions: OpenPermission[];
  /** Names of the teammates that have done their work. */
  idleTeammates: readonly string[];
  /** The last tool of this turn ends a task, so the turn needs no last words. */
  closed: boolean;
}

const CLOSING: readonly ToolName[] = ['complete_task', 'fail_task', 'ask_person'];
const CLOSING_TOOLS: ReadonlySet<string> = new Set(CLOSING.map((name) => `mcp__${MCP_SERVER}__${name}`));

/** The state of a process that was just spawned. */
export function newTurn(at: string): Turn {
  return {
    state: 'starting',
    since: at,
    lastProgressAt: null,
    sessionId: null,
    transcriptPath: null,
    lastMessage: null,
    failure: null,
    openPermissions: [],
    idleTeammates: [],
    closed: false,
  };
}

export function advance(turn: Turn, event: ClaudeEvent): Turn {
  const next = isProgress(event) ? { ...turn, lastProgressAt: event.at } : turn;
  if (isStale(turn, event)) return turn;
  return step(next, event);
}

/**
 * Whether an event belongs to an earlier conversation. Hooks come by HTTP, SessionStart by a file: a prompt of a new
 * conversation may overtake its SessionStart, and the SessionEnd of the old one may come late. So prompt and
 * SessionStart adopt the id that they carry; any other event of another id is old.
 */
function isStale(turn: Turn, event: ClaudeEvent): boolean {
  if (event.type === 'session-start' || event.type === 'prompt-submitted') return false;
  return turn.sessionId !== null && event.sessionId !== '' && event.sessionId !== turn.sessionId;
}

/** Whether an event is progress. The status line is not: people may have it refreshed by a timer. */
function isProgress(event: ClaudeEvent): boolean {
  if (event.type === 'notification' || event.type === 'status-line' || event.type === 'session-end') return false;
  return true;
}

function enter(turn: Turn, state: TurnState, at: string): Turn {
  return turn.state === state ? turn : { ...turn, state, since: at };
}

function step(turn: Turn, event: ClaudeEvent): Turn {
  switch (event.type) {
    case 'session-start':
      return sessionStart(turn, event);
    case 'prompt-submitted':
      return promptSubmitted(turn, event);
    case 'tool-start':
      return working({ ...turn, closed: false }, event.at, true);
    case 'tool-end':
      return working({ ...turn, closed: event.ok && CLOSING_TOOLS.has(event.tool) }, event.at, false);
    case 'permission-requested': {
      const { requestId, tool, input, text, at } = event;
      const openPermissions = [...turn.openPermissions, { requestId, tool, input, text, since: at }];
      return enter({ ...turn, openPermissions }, 'permission', at);
    }
    case 'permission-settled':
      return permissionSettled(turn, event);
    case 'notification':
      return notified(turn, event);
    case 'turn-ended':
      return turnEnded(turn, event);
    case 'turn-failed': {
      const failure = { error: event.error, details: event.details };
      return enter({ ...turn, failure, openPermissions: [] }, 'api-error', event.at);
    }
    case 'session-end':
      return sessionEnded(turn, event);
    case 'teammate-idle':
      return { ...turn, idleTeammates: [...new Set([...turn.idleTeammates, event.name])] };
    case 'usage':
    case 'status-line':
    case 'other':
      return turn;
  }
}

function sessionStart(turn: Turn, event: Extract<ClaudeEvent, { type: 'session-start' }>): Turn {
  const transcriptPath = event.transcriptPath ?? turn.transcriptPath;
  const sameSession = turn.sessionId === event.sessionId;
  const known = { ...turn, sessionId: event.sessionId, transcriptPath };
  // Compaction restarts the session in the middle of a turn; a late SessionStart must not undo the prompt after it.
  if (event.source === 'compact' || (sameSession && turn.state !== 'starting')) {
    return turn.state === 'starting' ? enter(known, 'ready', event.at) : known;
  }
  return enter(
    { ...known, lastMessage: null, failure: null, openPermissions: [], idleTeammates: [] },
    'ready',
    event.at,
  );
}

function promptSubmitted(turn: Turn, event: Extract<ClaudeEvent, { type: 'prompt-submitted' }>): Turn {
  const sameSession = turn.sessionId === null || turn.sessionId === event.sessionId;
  const transcriptPath = sameSession ? turn.transcriptPath : null;
  const openPermissions = sameSession ? turn.openPermissions : [];
  const known = {
    ...turn,
    sessionId: event.sessionId,
    transcriptPath,
    openPermissions,
    lastMessage: null,
    failure: null,
    closed: false,
  };
  // A prompt queued while a dialog is open does not close the dialog.
  return openPermissions.length > 0 ? known : enter(known, 'busy', event.at);
}

/**
 * Takes in evidence of work. Tools of background subagents do not end `background`, and a tool that runs beside an open
 * dialog does not close it. The *start* of a tool in a state of rest means that the prompt's event was lost; an end
 * does not.
 */
function working(turn: Turn, at: string, starts: boolean): Turn {
  if (turn.openPermissions.length > 0) return turn;
  if (turn.state === 'permission') return enter(turn, 'busy', at);
  const atRest = turn.state !== 'busy' && turn.state !== 'background' && turn.state !== 'gone';
  return starts && atRest ? enter({ ...turn, lastMessage: null, failure: null }, 'busy', at) : turn;
}

function permissionSettled(turn: Turn, event: Extract<ClaudeEvent, { type: 'permission-settled' }>): Turn {
  const openPermissions = turn.openPermissions.filter((open) => open.requestId !== event.requestId);
  const left = { ...turn, openPermissions };
  // "No" and Esc in the pane end the turn without any hook: the only sign is that Claude Code drops its request.
  if (event.how === 'gone' && openPermissions.length === 0 && turn.state === 'permission') {
    const failure = { error: 'interrupted', details: 'a person said no to a permission request in the pane' };
    return enter({ ...left, failure }, 'idle', event.at);
  }
  return working(left, event.at, false);
}

function notified(turn: Turn, event: Extract<ClaudeEvent, { type: 'notification' }>): Turn {
  // Comes six seconds after a dialog opened: news only where the held request was lost.
  if (event.kind === 'permission_prompt' && turn.state === 'busy') return enter(turn, 'permission', event.at);
  // Comes sixty seconds after a turn's end: news only where the event of that end was lost.
  if (event.kind === 'idle_prompt' && (turn.state === 'busy' || turn.state === 'permission')) {
    return enter({ ...turn, openPermissions: [] }, 'idle', event.at);
  }
  return turn;
}

function turnEnded(turn: Turn, event: Extract<ClaudeEvent, { type: 'turn-ended' }>): Turn {
  const { lastMessage, at } = event;
  const ended = { ...turn, lastMessage, openPermissions: [] };
  // An idle teammate works on only when it is told to, which swarm allows no agent to do (SendMessage).
  const atWork = Math.max(0, (event.teammates ?? 0) - turn.idleTeammates.length);
  if (event.backgroundTasks + atWork > 0) return enter(ended, 'background', at);
  // Models often have nothing to add once they have called complete_task.
  if (turn.closed || (lastMessage !== null && lastMessage !== ''))
    return enter({ ...ended, failure: null }, 'idle', at);
  // `!command` typed by a person ends with a Stop although no turn ran: nothing has failed then.
  const ran = turn.state === 'busy' || turn.state === 'permission' || turn.state === 'background';
  if (!ran) return turn;
  const failure = {
    error: 'empty_stop',
    details: 'the turn ended without an answer: the stream dropped or stayed silent',
  };
  return enter({ ...ended, failure }, 'failed', at);
}

function sessionEnded(turn: Turn, event: Extract<ClaudeEvent, { type: 'session-end' }>): Turn {
  const rest = { ...turn, openPermissions: [] };
  // The process lives on: a SessionStart with another id follows.
  const goesOn = event.reason === 'clear' || event.reason === 'resume';
  return enter(rest, goesOn ? 'ready' : 'gone', event.at);
}
