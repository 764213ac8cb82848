import type { ClaudeEvent, TranscriptLine } from '../../claude/index.ts';

/** What the transcript tells and no hook has told: an answer of the model, a tool's result, a turn's end. */
export type Unheard = 'answer' | 'tool' | 'end';

/**
 * How many looks in a row find it unheard before it counts. A hook is told before what follows from it is written, so
 * one look would do, but for a process and a wrapper that a busy machine lets run at different times.
 */
const LOOKS = 3;

/** Comes without HTTP, or from swarm itself, or by another way than hooks. */
const NO_HOOKS: ReadonlySet<ClaudeEvent['type']> = new Set([
  'session-start',
  'permission-settled',
  'usage',
  'status-line',
]);

/**
 * Holds what the transcript of a process tells against what its hooks have told. Any hook proves that hooks arrive,
 * and settles what was unheard before it.
 */
export class HookLedger {
  #begunAt = Infinity;
  #lastHookAt: number | null = null;
  #tools = new Set<string>();
  /** Turns whose end a hook has told, and those whose end was written. */
  #endsHeard = 0;
  #endsWritten = 0;
  #interrupted = false;
  #unheard: Unheard | null = null;
  #looks = 0;

  /** A process is about to begin. @param now epoch ms */
  begins(now: number): void {
    this.#begunAt = now;
    this.#lastHookAt = null;
    this.#tools = new Set();
    this.#endsHeard = 0;
    this.#endsWritten = 0;
    this.#interrupted = false;
    this.#settle();
  }

  /** Time of the last hook of the process, epoch ms; null: none has arrived. */
  get lastHookAt(): number | null {
    return this.#lastHookAt;
  }

  /** @returns whether it came by a hook */
  event(event: ClaudeEvent): boolean {
    if (NO_HOOKS.has(event.type)) return false;
    this.#lastHookAt = Date.parse(event.at);
    if ((event.type === 'tool-start' || event.type === 'tool-end') && event.toolUseId !== null)
      this.#tools.add(event.toolUseId);
    const ends = event.type === 'turn-ended' || event.type === 'turn-failed';
    this.#endsHeard = Math.max(this.#endsHeard + (ends ? 1 : 0), this.#endsWritten);
    this.#settle();
    return true;
  }

  /** Takes in new lines of the transcript. */
  wrote(lines: readonly TranscriptLine[]): void {
    for (const line of lines) {
      const found = this.#judge(line);
      this.#unheard ??= found;
    }
  }

  /** To be called at each look, after `wrote`. */
  look(): Unheard | null {
    if (this.#unheard === null) return null;
    this.#looks += 1;
    return this.#looks >= LOOKS ? this.#unheard : null;
  }

  #settle(): void {
    this.#unheard = null;
    this.#looks = 0;
  }

  #judge(line: TranscriptLine): Unheard | null {
    // A conversation that was resumed or copied brings the lines of earlier processes.
    const at = Date.parse(String(line['timestamp']));
    if (!(at >= this.#begunAt) || line['isSidechain'] === true) return null;
    if (line['type'] === 'system') return this.#closed(line, at);
    if (line['type'] !== 'assistant' && line['type'] !== 'user') return null;
    const message = asObject(line['message']);
    this.#interrupted = JSON.stringify(message['content'] ?? '').includes('[Request interrupted by user');
    // Notes of Claude Code itself have a model that does not exist.
    if (line['type'] === 'assistant')
      return this.#lastHookAt === null && message['model'] !== '<synthetic>' ? 'answer' : null;
    return this.#isNewsAt(at) && resultsOf(message).some((id) => !this.#tools.has(id)) ? 'tool' : null;
  }

  /** A turn that a person stopped in the pane ends without a hook. */
  #closed(line: TranscriptLine, at: number): Unheard | null {
    if (line['subtype'] !== 'turn_duration') return null;
    this.#endsWritten += 1;
    if (this.#interrupted) this.#endsHeard = Math.max(this.#endsHeard, this.#endsWritten);
    return this.#endsWritten > this.#endsHeard && this.#isNewsAt(at) ? 'end' : null;
  }

  /** Whether no hook has arrived since: the lines are read later than they are written. */
  #isNewsAt(at: number): boolean {
    return this.#lastHookAt === null || at > this.#lastHookAt;
  }
}

/** The ids of tools that have run, as Claude Code writes their results down. One that failed may have had no hook. */
function resultsOf(message: Record<string, unknown>): string[] {
  const content = Array.isArray(message['content']) ? message['content'] : [];
  return content
    .map(asObject)
    .filter((block) => block['type'] === 'tool_result' && block['is_error'] !== true)
    .map((block) => String(block['tool_use_id']));
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
