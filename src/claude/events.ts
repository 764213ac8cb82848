import type { Usage } from '../domain/agent.ts';

/** Every event tells whose conversation it is about and when the endpoint received it (ISO 8601). */
interface EventBase {
  /** Empty where Claude Code did not say (never for hooks). */
  sessionId: string;
  at: string;
}

/**
 * `allowed`, `denied`: by us. `in-pane`: the person said yes there. `gone`: the asker dropped its request, because the
 * person said no there (which interrupts the turn, without any hook) or because it ended.
 */
export type PermissionOutcome = 'allowed' | 'denied' | 'in-pane' | 'gone';

export type ClaudeEventBody =
  | { type: 'session-start'; source: string; transcriptPath: string | null }
  | { type: 'prompt-submitted'; promptId: string | null; prompt: string }
  | { type: 'tool-start'; tool: string; input: unknown; toolUseId: string | null }
  /** `result`: digest of what the tool gave back, to tell the same from another. */
  | { type: 'tool-end'; tool: string; toolUseId: string | null; ok: boolean; result: string }
  | { type: 'permission-requested'; requestId: string; tool: string; input: unknown; text: string }
  | { type: 'permission-settled'; requestId: string; how: PermissionOutcome }
  | { type: 'notification'; kind: string; message: string }
  /** Stop. `backgroundTasks` counts background tasks and scheduled ones: work that goes on after this turn. */
  | { type: 'turn-ended'; lastMessage: string | null; backgroundTasks: number }
  /** StopFailure: the API failed after Claude Code's own retries. */
  | { type: 'turn-failed'; error: string; details: string | null }
  | { type: 'session-end'; reason: string }
  /** One API request, exact, from OpenTelemetry. `requestId` is unique, so that a repeated export counts once. */
  | { type: 'usage'; requestId: string; usage: Usage; model: string }
  /**
   * `costUsd` is the total of this process's session so far; `contextPercent` 0–100; `resetsAt`: epoch ms when a limit
   * of the subscription that is used up is given anew; `limit`: the one that is used most.
   */
  | {
      type: 'status-line';
      costUsd: number | null;
      contextPercent: number | null;
      resetsAt: number | null;
      limit: { usedPercent: number; resetsAt: number } | null;
    }
  /** A hook that moves no state but proves life, by its own name. */
  | { type: 'other'; name: string };

export type ClaudeEvent = EventBase & ClaudeEventBody;
