import type { Usage } from '../domain/agent.ts';

/** Facts of every event: its conversation, and when the endpoint received it (ISO 8601). */
interface EventBase {
  /** Empty where Claude Code did not name it (never for hooks). */
  sessionId: string;
  at: string;
}

/**
 * `allowed`, `denied`: by swarm. `in-pane`: the person said yes in the pane. `gone`: Claude Code dropped its request,
 * because the person said no in the pane (which interrupts the turn, without any hook) or because it ended.
 */
export type PermissionOutcome = 'allowed' | 'denied' | 'in-pane' | 'gone';

export type ClaudeEventBody =
  | { type: 'session-start'; source: string; transcriptPath: string | null }
  | { type: 'prompt-submitted'; promptId: string | null; prompt: string }
  | { type: 'tool-start'; tool: string; input: unknown; toolUseId: string | null }
  /** `result`: digest of the tool's result, by which equal results are known. */
  | { type: 'tool-end'; tool: string; toolUseId: string | null; ok: boolean; result: string }
  | { type: 'permission-requested'; requestId: string; tool: string; input: unknown; text: string }
  | { type: 'permission-settled'; requestId: string; how: PermissionOutcome }
  | { type: 'notification'; kind: string; message: string }
  /**
   * Stop. `backgroundTasks` counts background tasks and scheduled ones, which go on after this turn; `teammates` those
   * of an agent team, which Claude Code counts as running when they are idle too.
   */
  | { type: 'turn-ended'; lastMessage: string | null; backgroundTasks: number; teammates?: number }
  /** A teammate has done its work, and stays for more. */
  | { type: 'teammate-idle'; name: string }
  /** StopFailure: the API failed after Claude Code's own retries. */
  | { type: 'turn-failed'; error: string; details: string | null }
  | { type: 'session-end'; reason: string }
  /** One API request, exact, from OpenTelemetry. `requestId` is unique, so that a repeated export counts once. */
  | { type: 'usage'; requestId: string; usage: Usage; model: string }
  /**
   * `costUsd` is the total of this process's session so far; `contextPercent` 0–100; `resetsAt`: epoch ms when a
   * used-up limit of the subscription is renewed; `limit`: the most used one.
   */
  | {
      type: 'status-line';
      costUsd: number | null;
      contextPercent: number | null;
      resetsAt: number | null;
      limit: { usedPercent: number; resetsAt: number } | null;
    }
  /** A hook that changes no state but proves life, with its name. */
  | { type: 'other'; name: string };

export type ClaudeEvent = EventBase & ClaudeEventBody;
