import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { ClaudeEvent, PermissionOutcome } from './events.ts';
import { permissionText } from './hooks.ts';
import type { HookBody } from './hooks.ts';
import type { OpenPermission } from './turn.ts';

export type PermissionDecision = { behavior: 'allow' } | { behavior: 'deny'; message: string };

interface Held {
  open: OpenPermission;
  sessionId: string;
  /** Id of the PreToolUse with the same input just before; null: there was none. */
  toolUseId: string | null;
  answer(body: unknown): void;
}

interface ToolStart {
  tool: string;
  input: unknown;
  toolUseId: string;
}

/**
 * The PermissionRequest hooks that are held open. Claude Code shows its dialog at the same time, and the first answer
 * counts. Claude Code does not take its request back when the person answered first, so that is concluded from the next
 * hooks.
 */
export class HeldPermissions {
  readonly #held = new Map<string, Held>();
  /** Tools that were announced and have not ended: PermissionRequest carries no tool_use_id of its own. */
  readonly #starts = new Map<string, ToolStart>();
  readonly #emit: (event: ClaudeEvent) => void;
  readonly #now: () => string;

  constructor(emit: (event: ClaudeEvent) => void, now: () => string) {
    this.#emit = emit;
    this.#now = now;
  }

  open(): OpenPermission[] {
    return [...this.#held.values()].map((held) => held.open);
  }

  /**
   * Holds a request open. `answer` sends the hook's reply; call `gone` with the returned id when Claude Code closes the
   * connection first.
   */
  hold(body: HookBody, answer: (reply: unknown) => void): string {
    const requestId = randomUUID();
    const tool = body.tool_name ?? 'unknown tool';
    const input = body.tool_input;
    const text = permissionText(tool, input);
    const taken = new Set([...this.#held.values()].map((held) => held.toolUseId));
    const start = [...this.#starts.values()].find(
      (candidate) =>
        candidate.tool === tool && !taken.has(candidate.toolUseId) && isDeepStrictEqual(candidate.input, input),
    );
    const open: OpenPermission = { requestId, tool, input, text, since: this.#now() };
    this.#held.set(requestId, { open, sessionId: body.session_id, toolUseId: start?.toolUseId ?? null, answer });
    this.#emit({
      type: 'permission-requested',
      requestId,
      tool,
      input,
      text,
      sessionId: body.session_id,
      at: open.since,
    });
    return requestId;
  }

  decide(requestId: string, decision: PermissionDecision): boolean {
    const held = this.#held.get(requestId);
    if (held === undefined) return false;
    held.answer({ hookSpecificOutput: { hookEventName: 'PermissionRequest', decision } });
    this.#settle(held, decision.behavior === 'allow' ? 'allowed' : 'denied');
    return true;
  }

  gone(requestId: string): void {
    const held = this.#held.get(requestId);
    if (held !== undefined) this.#settle(held, 'gone');
  }

  /** Looks at every other hook first: it may show that a dialog was answered in the pane. */
  observe(body: HookBody): void {
    const name = body.hook_event_name;
    const toolUseId = body.tool_use_id;
    if (name === 'PreToolUse' && toolUseId !== null) {
      this.#starts.set(toolUseId, { tool: body.tool_name ?? '', input: body.tool_input, toolUseId });
    }
    if (name === 'PostToolUse' || name === 'PostToolUseFailure') {
      if (toolUseId !== null) this.#starts.delete(toolUseId);
      const held = this.#askedFor(body);
      if (held !== undefined) this.#release(held, 'in-pane');
    }
    if (name === 'Stop' || name === 'StopFailure' || name === 'UserPromptSubmit' || name === 'SessionEnd') {
      this.#starts.clear();
      // While a dialog of a conversation is open, none of its turns ends and none begins: so the dialog was answered.
      const how = name === 'SessionEnd' ? 'gone' : 'in-pane';
      for (const held of this.#of(body.session_id)) this.#release(held, how);
    }
  }

  /** The endpoint closes; the dialogs stay open and undecided. */
  releaseAll(): void {
    const left = [...this.#held.values()];
    this.#held.clear();
    for (const held of left) held.answer({});
  }

  #of(sessionId: string): Held[] {
    return [...this.#held.values()].filter((held) => held.sessionId === sessionId);
  }

  #askedFor(body: HookBody): Held | undefined {
    const mine = this.#of(body.session_id).filter((held) => held.open.tool === body.tool_name);
    const exact = mine.find((held) => held.toolUseId !== null && held.toolUseId === body.tool_use_id);
    if (exact !== undefined) return exact;
    return mine.find((held) => held.toolUseId === null && isDeepStrictEqual(held.open.input, body.tool_input));
  }

  /** An empty reply leaves the decision to the pane. */
  #release(held: Held, how: PermissionOutcome): void {
    held.answer({});
    this.#settle(held, how);
  }

  #settle(held: Held, how: PermissionOutcome): void {
    const { requestId } = held.open;
    this.#held.delete(requestId);
    this.#emit({ type: 'permission-settled', requestId, how, sessionId: held.sessionId, at: this.#now() });
  }
}
