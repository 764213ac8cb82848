import { digest, permissionText, type ClaudeEvent } from '../../claude/index.ts';
import type { Activity } from '../../coordination/link.ts';
import { clip } from '../../lib/text.ts';

/** Longest period of a loop that is looked for, in calls. */
const LONGEST_PERIOD = 3;
/** Every agent repeats itself a little: fewer rounds are no loop. */
const FEWEST_ROUNDS = 3;
/** Calls that are remembered: enough for a long loop, and for telling which call is new. */
const REMEMBERED = 60;
const NOVEL_AMONG = 20;
const LONGEST_TEXT = 120;

interface ToolCall {
  /** Digest of tool and input. */
  call: string;
  /** Digest of the tool's result; null: the call still runs, or was refused. */
  result: string | null;
  id: string | null;
  text: string;
  at: string;
  /** The call was made before the last prompt, or by an earlier process: it counts for no loop. */
  past: boolean;
}

interface OpenTool {
  id: string | null;
  text: string;
  since: string;
}

/** What the agent does, read from Claude Code's hooks: only they see every call. */
export class ActivityWatch {
  #calls: ToolCall[] = [];
  #open: OpenTool[] = [];
  #hook: Activity['hook'] = null;
  #turnBegan: string | null = null;
  #waitedMs = 0;
  #waitsSince: number | null = null;
  #apiAt: string | null = null;
  #advancedAt: string | null = null;
  #failure: Activity['failure'] = null;

  /**
   * A new process begins. What the old process had begun is over, its loop too; a call that the old process has made
   * just before is still nothing new.
   */
  begins(): void {
    for (const call of this.#calls) call.past = true;
    this.#open = [];
    this.#hook = null;
    this.#endTurn();
  }

  event(event: ClaudeEvent): void {
    if (event.type === 'usage') {
      this.#apiAt = event.at;
      return;
    }
    // Neither counts as the latest hook: a status line may come from a timer, and a settled permission is no hook.
    if (event.type === 'status-line') return;
    if (event.type !== 'permission-settled') this.#hook = { name: hookName(event), at: event.at };
    this.#follow(event);
  }

  get current(): Activity {
    const [tool = null] = this.#open;
    return {
      hook: this.#hook,
      tool: tool === null ? null : { text: tool.text, since: tool.since },
      turnBegan: this.#turnBegan,
      waitedMs: this.#waitedMs,
      apiAt: this.#apiAt,
      advancedAt: this.#advancedAt,
      failure: this.#failure,
      repeat: repeatOf(this.#calls.filter(({ past }) => !past)),
    };
  }

  #follow(event: Exclude<ClaudeEvent, { type: 'usage' | 'status-line' }>): void {
    switch (event.type) {
      case 'prompt-submitted':
        this.#turnBegan ??= event.at;
        this.#failure = null;
        // A new prompt breaks a loop.
        for (const call of this.#calls) call.past = true;
        return;
      case 'tool-start':
        return this.#toolStart(event);
      case 'tool-end':
        return this.#toolEnd(event);
      case 'permission-requested':
        this.#waitsSince ??= Date.parse(event.at);
        return;
      case 'permission-settled':
        return this.#answered(event.at);
      case 'turn-ended':
        if ((event.lastMessage ?? '') !== '') this.#advance(event.at);
        return this.#endTurn();
      case 'turn-failed':
        this.#failure = { error: event.error, details: event.details, at: event.at };
        return this.#endTurn();
      case 'session-end':
        return this.#endTurn();
      case 'session-start':
      case 'notification':
      case 'teammate-idle':
      case 'other':
        return;
    }
  }

  #toolStart({ tool, input, toolUseId, at }: Extract<ClaudeEvent, { type: 'tool-start' }>): void {
    const text = clip(permissionText(tool, input), LONGEST_TEXT);
    this.#turnBegan ??= at;
    this.#open.push({ id: toolUseId, text, since: at });
    const call = digest([tool, input]);
    if (!this.#recent().some((before) => before.call === call)) this.#advance(at);
    this.#calls.push({ call, result: null, id: toolUseId, text, at, past: false });
    if (this.#calls.length > REMEMBERED) this.#calls.shift();
  }

  #toolEnd({ toolUseId, result, at }: Extract<ClaudeEvent, { type: 'tool-end' }>): void {
    this.#open = this.#open.filter(({ id }) => id !== toolUseId);
    const mine = this.#calls.findLast(({ id }) => id === toolUseId);
    if (mine === undefined) return;
    const known = this.#recent().some((one) => one !== mine && one.call === mine.call && one.result === result);
    if (!known) this.#advance(at);
    mine.result = result;
    mine.at = at;
  }

  #recent(): ToolCall[] {
    return this.#calls.slice(-NOVEL_AMONG);
  }

  #advance(at: string): void {
    this.#advancedAt = at;
  }

  #answered(at: string): void {
    if (this.#waitsSince === null) return;
    this.#waitedMs += Math.max(0, Date.parse(at) - this.#waitsSince);
    this.#waitsSince = null;
  }

  #endTurn(): void {
    this.#turnBegan = null;
    this.#waitedMs = 0;
    this.#waitsSince = null;
    this.#open = [];
  }
}

/** The end of the calls as a number of equal rounds; null where the calls do not end in a loop. Pure. */
export function repeatOf(calls: readonly ToolCall[]): Activity['repeat'] {
  for (let period = 1; period <= LONGEST_PERIOD; period += 1) {
    const rounds = roundsOf(calls, period);
    if (rounds < FEWEST_ROUNDS) continue;
    const all = calls.slice(-rounds * period);
    const texts = all.slice(-period).map(({ text }) => text);
    return {
      rounds,
      period,
      text: texts.join(' ⇄ '),
      since: all[0]?.at ?? '',
      at: all.at(-1)?.at ?? '',
    };
  }
  return null;
}

/** How many times the last `period` calls repeat in a row at the end of the calls, with the same results. */
function roundsOf(calls: readonly ToolCall[], period: number): number {
  const last = calls.length - 1;
  let same = 0;
  for (let at = last - period; at >= 0; at -= 1) {
    const [one, other] = [calls[at], calls[at + period]];
    // The newest call may still run: its result is not known to differ.
    const open = at + period === last && other?.result === null;
    if (one?.call !== other?.call || (!open && one?.result !== other?.result)) break;
    same += 1;
  }
  return Math.floor(same / period) + 1;
}

function hookName(event: ClaudeEvent): string {
  switch (event.type) {
    case 'tool-start':
      return 'PreToolUse';
    case 'tool-end':
      return event.ok ? 'PostToolUse' : 'PostToolUseFailure';
    case 'prompt-submitted':
      return 'UserPromptSubmit';
    case 'permission-requested':
      return 'PermissionRequest';
    case 'turn-ended':
      return 'Stop';
    case 'turn-failed':
      return 'StopFailure';
    case 'session-start':
      return 'SessionStart';
    case 'session-end':
      return 'SessionEnd';
    case 'notification':
      return 'Notification';
    case 'teammate-idle':
      return 'TeammateIdle';
    case 'other':
      return event.name;
    default:
      return event.type;
  }
}
